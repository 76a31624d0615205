"""Scores on label cells, and coarse labels judged as predictions, against counting."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.evaluation import ClassIoUMetric, oracle_areas
from mmuda.registry import METRICS
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
CLASSES = ('a', 'b', 'c')


def tile(seed, height=11, width=13, ratio=4):
    rng = np.random.default_rng(seed)
    rows, cols = (np.arange(height) + 2) // ratio, (np.arange(width) + 1) // ratio
    cells = rows[:, None] * (cols.max() + 1) + cols
    label = rng.integers(0, 3, cells.max() + 1)
    label[1] = 255
    coarse = label[cells]
    cells = np.where(coarse == 255, -1, cells)
    cells[0, :3] = -1
    return rng.normal(size=(3, height, width)).astype(np.float32), cells.astype(np.int32), coarse.astype(np.uint8)


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_cells_are_judged_by_their_summed_logits(reduction):
    metric = METRICS.build(dict(type='CellIoUMetric', iou_metrics=['mIoU'], reduction=reduction))
    metric.dataset_meta = dict(classes=CLASSES)
    hits, predicted, labelled = (np.zeros(3) for _ in range(3))
    for seed in range(4):
        logits, cells, coarse = tile(seed)
        batch = dict(cells=[torch.from_numpy(cells)], coarse_label=[torch.from_numpy(coarse)])
        sample = SegDataSample(seg_logits=PixelData(data=torch.from_numpy(logits)))
        metric.process(batch, [sample.to_dict()])
        for cell in np.unique(cells[cells >= 0]):
            of_cell = cells == cell
            guess, truth = logits[:, of_cell].sum(axis=1).argmax(), coarse[of_cell][0]
            predicted[guess] += 1
            labelled[truth] += 1
            hits[truth] += guess == truth
    found = metric.evaluate(size=4)
    iou = hits / (predicted + labelled - hits)
    assert found['cell/mIoU'] == pytest.approx(100 * iou.mean(), abs=0.01)
    assert found['cell/aAcc'] == pytest.approx(100 * hits.sum() / labelled.sum(), abs=0.01)
    assert [found[f'cell/IoU.{name}'] for name in CLASSES] == pytest.approx((100 * iou).tolist(), abs=0.01)


def test_samples_without_cells_or_on_another_grid_are_refused():
    metric = METRICS.build(dict(type='CellIoUMetric', iou_metrics=['mIoU']))
    metric.dataset_meta = dict(classes=CLASSES)
    logits, cells, coarse = tile(0)
    sample = SegDataSample(seg_logits=PixelData(data=torch.from_numpy(logits))).to_dict()
    with pytest.raises(ValueError, match="finds no 'cells' in the batch"):
        metric.process(dict(inputs=[]), [sample])
    batch = dict(cells=[torch.from_numpy(cells[:5])], coarse_label=[torch.from_numpy(coarse[:5])])
    with pytest.raises(ValueError, match='logits of .11, 13. px and cells of .5, 13. px'):
        metric.process(batch, [sample])


def test_the_oracle_is_the_coarse_label_as_a_prediction():
    fine = torch.from_numpy(np.random.default_rng(9).integers(0, 3, (11, 13)))
    coarse = torch.from_numpy(tile(3)[2]).long()
    fine[4, 4] = 255
    metric = ClassIoUMetric(iou_metrics=['mIoU', 'mFscore'])
    metric.dataset_meta = dict(classes=CLASSES)
    found = metric.compute_metrics([oracle_areas(fine, coarse, 3)])
    known = (fine != 255) & (coarse != 255)
    f1 = []
    for c in range(3):
        hit = (known & (fine == c) & (coarse == c)).sum()
        wrong, missed = (known & (fine != c) & (coarse == c)).sum(), (known & (fine == c) & (coarse != c)).sum()
        f1.append(2 * hit / (2 * hit + wrong + missed))
    assert found['mFscore'] == pytest.approx(100 * float(sum(f1)) / 3, abs=0.01)
    assert found['aAcc'] == pytest.approx(100 * float((fine == coarse)[known].float().mean()), abs=0.01)
