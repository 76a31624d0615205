"""mmuda and a plugin, both installed from their wheels, train outside of any repository."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.helpers import CONFIGS, ROOT

PLUGIN = {
    'pyproject.toml': """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "drawn-plugin"
version = "0.1"

[tool.setuptools]
packages = ["drawn_plugin"]
""",
    'drawn_plugin/__init__.py': """
from mmuda.models.terms import Term
from mmuda.registry import TERMS
from mmuda.testing import ToyDataset


@TERMS.register_module()
class SquaredLogits(Term):
    def reads(self, phase):
        return {'target:logits'}

    def losses(self, phase, context):
        return {'loss_square': context.tap('target:logits').square().mean()}
""",
}
CONFIG = """
_base_ = ['mmuda::_base_/models/noadapt_resaspp_narrow.py', 'mmuda::_base_/default_runtime.py']
custom_imports = dict(imports=['drawn_plugin'], allow_failed_imports=False)
model = dict(segmentor=dict(decode_head=dict(num_classes=3)), terms=dict(square=dict(type='SquaredLogits')))
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='SGD', lr=1e-3)),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset', source=dict(type='ToyDataset'), target=dict(type='ToyDataset', labelled=False)
    ),
)
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='train', iters=2)])
"""
TRAIN = """
import mmuda
from mmuda.apis import load_config, train

runner = train(load_config('config.py'), 'run')
print('TRAINED', runner.iter, mmuda.__file__, 'train/square.loss_square' in runner.message_hub.log_scalars)
"""


def run(*command, cwd):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, env={'OMP_NUM_THREADS': '1'}
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def wheel_of(source, folder):
    """The wheel of a project; nothing is asked of an index."""
    options = ('--no-deps', '--no-index', '--no-build-isolation', '--quiet', '--wheel-dir', folder)
    run(sys.executable, '-m', 'pip', 'wheel', *options, source, cwd=source)
    return next(folder.glob('*.whl'))


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """mmuda's wheel, built from a copy, so that the repository gets no build folder and lends none."""
    copy = tmp_path_factory.mktemp('source') / 'mmuda'
    copy.mkdir()
    for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md'):
        shutil.copy(ROOT / name, copy)
    for name in ('mmuda', 'configs', 'requirements'):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns('__pycache__'))
    return wheel_of(copy, tmp_path_factory.mktemp('wheel'))


def test_the_wheel_has_the_package_and_its_configs_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in name}
    configs = {f'mmuda/.mim/configs/{path.relative_to(CONFIGS)}' for path in CONFIGS.rglob('*.py')}
    assert configs <= names
    allowed = {'mmuda/.mim/model-index.yml', *configs}
    others = {name for name in names - allowed if not (name.startswith('mmuda/') and name.endswith('.py'))}
    assert {Path(name).parent.as_posix() for name in others} == {'mmuda/datasets/legends', 'mmuda/reports/templates'}


def test_a_plugin_trains_from_its_wheel(wheel, tmp_path):
    for name, text in PLUGIN.items():
        path = tmp_path / 'plugin' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    plugin = wheel_of(tmp_path / 'plugin', tmp_path / 'wheels')
    venv.create(tmp_path / 'venv', with_pip=False, symlinks=True)
    python = tmp_path / 'venv' / 'bin' / 'python'
    run(
        sys.executable,
        '-m',
        'pip',
        '--python',
        python,
        'install',
        '--no-deps',
        '--no-index',
        wheel,
        plugin,
        cwd=tmp_path,
    )
    # The other packages are those of this environment, by a path alone: its own links to checkouts are not followed.
    site = next((tmp_path / 'venv').glob('lib/python*/site-packages'))
    (site / 'others.pth').write_text(f'{sysconfig.get_path("purelib")}\n')
    work = tmp_path / 'work'
    work.mkdir()
    (work / 'config.py').write_text(CONFIG)
    said = run(python, '-c', TRAIN, cwd=work)
    assert f'TRAINED 2 {site / "mmuda" / "__init__.py"} True' in said
    assert (work / 'run' / 'iter_2.pth').is_file()


def test_a_checkout_has_the_configs_where_mmengine_looks():
    link = ROOT / 'mmuda' / '.mim' / 'configs'
    assert link.is_symlink() and link.resolve() == CONFIGS
