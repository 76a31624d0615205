"""Scores on coarse labels: logits aggregated over label cells are compared with the cells' labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mmuda.models.losses import aggregate_regions, labels_of_regions
from mmuda.registry import METRICS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

from .class_iou_metric import ClassIoUMetric


@METRICS.register_module()
class CellIoUMetric(ClassIoUMetric):
    """IoU of label cells, for model selection with only coarse labels (Low2High, section 4.6).

    The logits of a tile are aggregated over the cells that it touches, as :class:`RegionAggregation` does in training,
    and their argmax is compared with the cell's label. Samples need ``cells`` and ``coarse_label`` on the raster's own
    grid, from ``LoadCoarseLabels(as_label=False)``. Metrics are named ``cell/mIoU`` etc., so they can be used next to a
    metric on fine labels. ``CheckpointHook(save_best='cell/mIoU')`` selects a checkpoint without fine labels.

    Args:
        reduction: As in training: ``'sum'`` or ``'mean'``; the argmax is the same.
        min_pixels: Cells with fewer pixels inside a tile are left out. A cell that spans several tiles is counted in
            each.
        prefix: Prefix of the metrics' names.
        **kwargs: As :class:`ClassIoUMetric`.
    """

    def __init__(self, *args, reduction: str = 'sum', min_pixels: int = 1, prefix: str = 'cell', **kwargs) -> None:
        super().__init__(*args, prefix=prefix, **kwargs)
        self.reduction = reduction
        self.min_pixels = max(1, min_pixels)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Collect the areas of each tile.

        Raises:
            UserError: If the samples have no cells, or the logits lie on another grid.
        """
        for name in ('cells', 'coarse_label'):
            if name not in data_batch:
                raise UserError(
                    f"CellIoUMetric finds no {name!r} in the batch; add dict(type='LoadCoarseLabels', "
                    "as_label=False) to the pipeline and it to PackUDAInputs' extra_keys."
                )
        classes = len(self.dataset_meta['classes'])
        for i, sample in enumerate(data_samples):
            logits = sample['seg_logits']['data'].float()
            cells, label = (data_batch[name][i].to(logits.device).long() for name in ('cells', 'coarse_label'))
            if logits.shape[-2:] != cells.shape:
                raise UserError(
                    f'CellIoUMetric got logits of {tuple(logits.shape[-2:])} px and cells of {tuple(cells.shape)} px; '
                    'load the coarse labels without resampling them.'
                )
            aggregated, pixels = aggregate_regions(logits[None], cells[None], self.reduction)
            labels = labels_of_regions(label[None], cells[None], pixels.shape[1], self.ignore_index)
            labels = labels.masked_fill(pixels < self.min_pixels, self.ignore_index)
            predicted = aggregated.argmax(dim=-1)
            self.results.append(self.intersect_and_union(predicted, labels, classes, self.ignore_index))


def oracle_areas(
    label: torch.Tensor, coarse_label: torch.Tensor, classes: int, ignore_index: int = IGNORE_INDEX
) -> tuple:
    """Areas for mmseg's metrics, with the upsampled coarse label as the prediction.

    Args:
        label: Fine label (H, W).
        coarse_label: Coarse label at each pixel (H, W); pixels where it is ignored are skipped.
        classes: Number of classes.
        ignore_index: Label of ignored pixels.

    Returns:
        Intersection, union, predicted and labelled area of each class.
    """
    label = torch.where(coarse_label == ignore_index, ignore_index, label)
    return ClassIoUMetric.intersect_and_union(coarse_label, label, classes, ignore_index)
