"""``--help`` of a tool answers at once: it imports neither torch nor anything else that takes seconds."""

import argparse
import importlib.util
import subprocess
import sys

import pytest

from mmuda.apis import ADAPTATION_STEPS, EXPORT_FORMATS, PAIRING_STRATEGIES, RESAMPLED
from mmuda.experiments import PROFILES, WEIGHTS
from tests.helpers import ROOT

HEAVY = ('torch', 'mmengine', 'mmcv', 'mmseg', 'rasterio', 'scipy', 'matplotlib', 'numpy')
TOOLS = sorted(path.name for path in (ROOT / 'tools').glob('*.py'))


@pytest.mark.parametrize('tool', TOOLS)
def test_help_imports_nothing_heavy(tool):
    command = [sys.executable, '-X', 'importtime', str(ROOT / 'tools' / tool), '--help']
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and 'usage' in done.stdout
    imported = {line.rpartition('|')[2].strip() for line in done.stderr.splitlines()}
    assert 'argparse' in imported and not imported & set(HEAVY)


@pytest.mark.parametrize(
    ('tool', 'option', 'known'),
    [
        ('adapt', '--steps', ADAPTATION_STEPS),
        ('benchmark', '--profile', PROFILES),
        ('choose', '--criterion', RESAMPLED),
        ('compare', '--weights', WEIGHTS),
        ('export', '--format', EXPORT_FORMATS),
        ('pair_domains', '--strategy', PAIRING_STRATEGIES),
        ('sweep', '--weights', WEIGHTS),
    ],
)
def test_choices_are_those_of_the_package(tool, option, known, monkeypatch):
    spec = importlib.util.spec_from_file_location(tool, ROOT / 'tools' / f'{tool}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {}

    def noted(self, *args, **kwargs):
        found.update({action.option_strings[0]: action.choices for action in self._actions if action.option_strings})
        raise SystemExit

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', noted)
    with pytest.raises(SystemExit):
        module.parse_args()
    assert tuple(found[option]) == tuple(known)
