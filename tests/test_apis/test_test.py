"""A test of a checkpoint."""

import pytest

from mmuda.apis import UserError, test, train
from mmuda.utils.locks import sole_writer


@pytest.fixture
def tested(tiny, tmp_path):
    """The tiny config with a test set, and a checkpoint of it."""
    loader = dict(
        batch_size=1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='DrawnDataset'),
    )
    options = dict(
        train_cfg__stages=[dict(iters=1)],
        default_hooks__checkpoint__interval=1,
        test_cfg=dict(type='TestLoop'),
        test_dataloader=loader,
        test_evaluator=dict(type='ClassIoUMetric', iou_metrics=['mIoU']),
    )
    train(tiny(**options), str(tmp_path / 'run'))
    return lambda: tiny(**options), str(tmp_path / 'run' / 'iter_1.pth')


def test_two_tests_do_not_fill_one_folder(tested, tmp_path):
    config, checkpoint = tested
    options = dict(work_dir=str(tmp_path / 'test'), out=str(tmp_path / 'maps'))
    refused = pytest.raises(UserError, match='maps is being filled by process .*choose another place')
    with sole_writer(tmp_path / 'maps', 'being filled'), refused:
        test(config(), checkpoint, **options)
    assert not list((tmp_path / 'maps').rglob('*.png'))
    assert test(config(), checkpoint, **options)['mIoU'] >= 0
    assert len(list((tmp_path / 'maps').iterdir())) == 8
    # What trains in its folder is no obstacle to testing a checkpoint.
    with sole_writer(tmp_path / 'run', 'being trained'):
        assert test(config(), checkpoint, work_dir=str(tmp_path / 'run'))['mIoU'] >= 0
