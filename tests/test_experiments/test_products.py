"""What entries of a suite do in place of training."""

import json
import sys

import pytest
import torch

from mmuda.apis import adapt, load_config, test
from mmuda.experiments import products
from mmuda.experiments.compare import config_text
from tests.helpers.two_models import imagery  # noqa: F401  (a fixture)


@pytest.fixture
def run(imagery, monkeypatch, tmp_path):  # noqa: F811
    """Makes a product of the config, with further values, as a benchmark does; returns the folder and the config."""

    def run(does, work_dir='run', **values):
        cfg = load_config(imagery)
        cfg.merge_from_dict(values)
        path = tmp_path / 'resolved.py'
        path.write_text(config_text(cfg))
        out = tmp_path / work_dir
        out.mkdir()
        arguments = [str(path), '--work-dir', str(out), '--seed', '4', '--resume', 'auto']
        monkeypatch.setattr(sys, 'argv', ['products', does, *arguments])
        products.main()
        return out, path

    return run


def test_adabn_of_a_checkpoint_is_that_of_the_tool(run, imagery, tmp_path):  # noqa: F811
    weights = str(imagery.with_name('strong.pth'))
    out, path = run('adapt', load_from=weights)
    adapt(load_config(path), weights, tmp_path / 'by_hand.pth', ['batch_norm'], seed=4, report=lambda _: None)
    found, expected = (
        torch.load(file, weights_only=True)['state_dict']
        for file in (out / products.PRODUCTS['adapt'], tmp_path / 'by_hand.pth')
    )
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    before = torch.load(weights, weights_only=True)['state_dict']
    assert any(not torch.equal(found[key], before[key]) for key in before)
    summary = json.loads((out / 'summary.json').read_text())
    metrics = test(load_config(path), str(out / products.PRODUCTS['adapt']), work_dir=str(tmp_path / 'test'))
    assert summary['metrics']['mIoU'] == metrics['mIoU'] and summary['mode'] == 'train'


def test_pairs_are_written_for_a_run_to_read(run, imagery):  # noqa: F811
    def patches(**settings):
        return dict(
            type='PatchSet', dataset=settings, patches_per_raster=6, size=16, pipeline=[dict(type='PackUDAInputs')]
        )

    streams = load_config(imagery).train_dataloader.dataset
    source, target = ({k: v for k, v in streams[name].items() if k != 'pipeline'} for name in ('source', 'target'))
    dataset = dict(_delete_=True, type='UDADataset', source=patches(**source), target=patches(**target))
    weights = str(imagery.with_name('strong.pth'))
    out, _ = run(
        'pair',
        **{'train_dataloader.dataset': dataset, 'pairing_strategy': 'approximation', 'load_from': weights},
    )
    pairs = json.loads((out / products.PRODUCTS['pair']).read_text())
    assert len(pairs['pairs']) == 6 and set(pairs['pairs']) <= set(range(6))
    assert json.loads((out / 'summary.json').read_text())['metrics'] is None
