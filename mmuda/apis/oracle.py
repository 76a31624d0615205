"""Scores coarse labels as if they were predictions."""

from __future__ import annotations

from mmengine.config import Config

from mmuda.evaluation import ClassIoUMetric, oracle_areas
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules


def coarse_oracle(cfg: Config) -> dict[str, float]:
    """Metrics of upsampled coarse labels against fine ones: the score of a perfect coarse map (Low2High, Oracle).

    Args:
        cfg: Config whose test set has both kinds of label: ``LoadRasterWindow`` and
            ``LoadCoarseLabels(as_label=False)``.

    Returns:
        Metrics by name in percent, e.g. ``aAcc``, ``mFscore``, ``mIoU``; pixels with an ignored coarse label are
        skipped.

    Raises:
        UserError: If the samples lack either label.
    """
    register_all_modules()
    dataset = DATASETS.build(dict(cfg.test_dataloader.dataset))
    metric = ClassIoUMetric(iou_metrics=['mIoU', 'mFscore'])
    metric.dataset_meta = dataset.metainfo
    areas = []
    for sample in dataset:
        if 'coarse_label' not in sample or 'gt_sem_seg' not in sample['data_samples']:
            raise UserError(
                f'the test set of {cfg.filename} does not bring fine and coarse labels; its pipeline needs '
                'LoadRasterWindow and LoadCoarseLabels(as_label=False), its dataset both kinds of label'
            )
        fine, coarse = sample['data_samples'].gt_sem_seg.data[0].long(), sample['coarse_label'].long()
        areas.append(oracle_areas(fine, coarse, len(dataset.metainfo['classes'])))
    return {name: round(float(value), 2) for name, value in metric.compute_metrics(areas).items()}
