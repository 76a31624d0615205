"""What the README promises, trained in full: minutes on two cores. Each run of the tests does the first iterations."""

import os
import sys

import pytest

from mmuda.experiments import compare
from mmuda.synthetic import dataset
from tests.helpers import ROOT

# By stage, the iterations of the short variant.
STAGES = dict(noadapt=dict(train=1), srda=dict(pretrain=1, joint=1))
CONFIGS = [ROOT / f'configs/srda/{name}_resaspp_synthetic.py' for name in STAGES]
SHORT = """
_base_ = '{base}'
custom_imports = dict(imports=['tests.helpers.small_imagery'])
train_cfg = dict(iters={iters})
"""


def short(config, iters, folder):
    """A config that does one iteration a stage, on small scenes."""
    path = folder / config.name
    text = SHORT.format(base=config, iters=iters)
    if 'srda' in config.name:
        text += f"train_dataloader = dict(dataset=dict(target=dict(data_root='{folder}/synthetic')))\n"
    path.write_text(text)
    return path


def adapt(configs, tmp_path):
    """The table of both configs, trained on imagery of its own."""
    train = [sys.executable, str(ROOT / 'tools/train.py')]
    options = {'train_dataloader.dataset.source.data_root': str(tmp_path / 'synthetic')}
    options['val_dataloader.dataset.data_root'] = str(tmp_path / 'synthetic')
    options['test_dataloader.dataset.data_root'] = str(tmp_path / 'synthetic')
    table = compare(configs, tmp_path / 'out', train, seeds=[0], cfg_options=options, jobs=2)
    noadapt, srda = (row.miou.mean for row in table.rows)
    assert (tmp_path / 'out/comparison.png').stat().st_size > 10_000
    return noadapt, srda


def test_the_first_iterations(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, 'generate', dataset.generate)  # the configs change it: put it back afterwards
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))
    noadapt, srda = adapt([short(*pair, tmp_path) for pair in zip(CONFIGS, STAGES.values(), strict=True)], tmp_path)
    assert 0 < noadapt < 100 and 0 < srda < 100


@pytest.mark.slow
def test_adaptation_beats_the_unadapted_segmentor(tmp_path):
    noadapt, srda = adapt(CONFIGS, tmp_path)
    assert srda > noadapt
