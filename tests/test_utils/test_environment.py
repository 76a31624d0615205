import importlib
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

environment = importlib.import_module('mmuda.utils.environment')


def pretend(monkeypatch, installed: dict[str, str]):
    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(environment, 'version', version)


def test_only_the_maintained_packages_pass(monkeypatch):
    pretend(monkeypatch, {'onedl-mmcv': '2.3.6', 'onedl-mmengine': '0.10.12', 'onedl-mmsegmentation': '1.4.2'})
    environment.check_packages()


@pytest.mark.parametrize('name', ['mmcv', 'mmcv-lite', 'mmcv-full', 'mmengine', 'mmsegmentation'])
def test_an_original_package_is_refused_with_the_commands(monkeypatch, name):
    pretend(monkeypatch, {'onedl-mmcv': '2.3.6', name: '1.2.2'})
    with pytest.raises(ImportError) as error:
        environment.check_packages()
    text = str(error.value)
    assert f'the original {name} 1.2.2 is installed' in text
    assert f'pip uninstall -y {name} onedl-mmengine onedl-mmcv onedl-mmsegmentation`' in text
    assert 'pip install --force-reinstall --no-deps onedl-mmengine onedl-mmcv onedl-mmsegmentation`' in text
    assert '\n' not in text


def test_it_is_checked_without_the_packages_it_is_about():
    code = (
        'import importlib.util, sys;'
        "spec = importlib.util.spec_from_file_location('environment', sys.argv[1]);"
        'module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module);'
        "assert not {'torch', 'mmengine', 'mmcv', 'mmseg'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, '-c', code, environment.__file__], check=True)


def test_advice_that_would_break_the_environment_is_hidden():
    def said(*modules):
        code = f'import {", ".join(modules)}'
        return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stderr

    assert 'MultiScaleDeformableAttention' not in said('mmuda', 'mmcv.cnn.bricks.transformer')
    # When this no longer holds, the filter can go.
    assert 'MultiScaleDeformableAttention' in said('mmcv.cnn.bricks.transformer')
