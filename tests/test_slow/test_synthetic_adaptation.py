"""What the README promises, trained in full: minutes on two cores."""

import sys

import pytest

from mmuda.experiments import compare
from tests.helpers import ROOT


@pytest.mark.slow
def test_adaptation_beats_the_unadapted_segmentor(tmp_path):
    configs = [ROOT / f'configs/srda/{name}_resaspp_synthetic.py' for name in ('noadapt', 'srda')]
    train = [sys.executable, str(ROOT / 'tools/train.py')]
    options = {'train_dataloader.dataset.source.data_root': str(tmp_path / 'synthetic')}
    options['val_dataloader.dataset.data_root'] = str(tmp_path / 'synthetic')
    options['test_dataloader.dataset.data_root'] = str(tmp_path / 'synthetic')
    table = compare(configs, tmp_path / 'out', train, seeds=[0], cfg_options=options)
    noadapt, srda = (row.miou.mean for row in table.rows)
    assert srda > noadapt
    assert (tmp_path / 'out/comparison.png').stat().st_size > 10_000
