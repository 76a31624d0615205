"""mmseg's IoU metric, with a value per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mmseg.evaluation import IoUMetric

from mmuda.registry import METRICS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """mmseg's ``IoUMetric`` that also returns ``IoU.<class>`` (percent), for logs and ``summary.json``.

    mmseg computes and prints these values, but does not return them.

    Args:
        subsets: Additional means: name -> names of classes, e.g. ``dict(mIoU13=[...])``: the tables of SYNTHIA have 13
            and 16 of Cityscapes' 19 classes.
        **kwargs: As mmseg's ``IoUMetric``.
    """

    def __init__(self, *args, subsets: Mapping[str, Sequence[str]] | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.subsets = {name: tuple(classes) for name, classes in (subsets or {}).items()}

    def process(self, data_batch: dict, data_samples: Sequence[Mapping]) -> None:
        """Count the pixels of predictions, as mmseg does.

        Raises:
            UserError: If a label holds a value that is not a class; mmseg would silently skip such pixels.
        """
        classes = len(self.dataset_meta['classes'])
        for sample in data_samples if not self.format_only else ():
            label = sample['gt_sem_seg']['data']
            wrong = ((label < 0) | (label >= classes)) & (label != self.ignore_index) & (label != IGNORE_INDEX)
            if wrong.any():
                path = sample.get('seg_map_path') or f'of {sample.get("img_path")}'
                raise UserError(
                    f'The label {path} holds {int(label[wrong][0])} after loading, but the dataset has the classes '
                    f'0..{classes - 1} and {IGNORE_INDEX} for what is ignored; correct the label, the classes or '
                    'reduce_zero_label.'
                )
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """mIoU, aAcc, mAcc, IoU of each class and means of subsets, in percent, over all pixels of the set.

        Raises:
            UserError: If a subset names a class that the dataset does not have.
        """
        metrics = dict(super().compute_metrics(results))
        if self.format_only:
            return metrics
        areas = [sum(column) for column in zip(*results, strict=True)]
        by_class = self.total_area_to_metrics(*areas, self.metrics, self.nan_to_num, self.beta)
        for name, iou in zip(self.dataset_meta['classes'], by_class['IoU'], strict=True):
            metrics[f'IoU.{name}'] = round(float(iou) * 100, 2)
        ious = dict(zip(self.dataset_meta['classes'], by_class['IoU'], strict=True))
        for subset, names in self.subsets.items():
            unknown = [name for name in names if name not in ious]
            if unknown:
                raise UserError(f"subsets['{subset}'] names the classes {unknown}; the dataset has {list(ious)}.")
            metrics[subset] = round(float(np.nanmean([ious[name] for name in names])) * 100, 2)
        return metrics
