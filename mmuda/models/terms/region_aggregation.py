"""Supervision of fine logits by coarse labels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmuda.models.losses.region_aggregation import aggregate_regions, labels_of_regions
from mmuda.registry import TERMS

from .base import Term


@TERMS.register_module()
class RegionAggregation(Term):
    """Cross entropy between logits that are aggregated over label cells and the cells' labels (Low2High, eq. 1).

    Replaces the supervised term on a stream whose labels are coarser than its images: ``terms=dict(
    supervised=dict(type='RegionAggregation'))``. The stream provides the cell's label at each pixel (``gt_sem_seg``)
    and the cell's index (``cells``). :class:`LoadCoarseLabels` derives both from the georeferences of the two rasters;
    they follow crops, flips and rotations. Pixels outside all cells or with the ignore label, e.g. those padded by a
    rotation, are left out. A cell cut by the border is judged by its remaining pixels.

    Args:
        view: The labelled stream or view.
        reduction: ``'sum'`` (the paper) or ``'mean'``.
        min_pixels: Cells with fewer pixels inside the crop are left out.
        ignore_index: Label of cells that are ignored.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        view: str = 'source',
        reduction: str = 'sum',
        min_pixels: int = 1,
        ignore_index: int = 255,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.view = view
        self.cells = f'{view}:cells'
        self.reduction = reduction
        self.min_pixels = max(1, min_pixels)
        self.ignore_index = ignore_index
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return {f'{self.view}:logits', f'{self.view}:label', self.cells}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        logits, label, cells = (context.tap(name) for name in (f'{self.view}:logits', f'{self.view}:label', self.cells))
        if logits.shape[-2:] != label.shape[-2:]:
            logits = F.interpolate(logits, size=label.shape[-2:], mode='bilinear', align_corners=False)
        cells = cells.masked_fill(label == self.ignore_index, -1)
        aggregated, pixels = aggregate_regions(logits, cells, self.reduction)
        labels = labels_of_regions(label, cells, pixels.shape[1], self.ignore_index)
        kept = (labels != self.ignore_index) & (pixels >= self.min_pixels)
        aggregated, labels = aggregated[kept], labels[kept]
        if not len(labels):
            # Still a part of the graph, so that every rank has a gradient.
            return {'loss_ce': logits.sum() * 0.0}
        return {
            'loss_ce': F.cross_entropy(aggregated, labels) * self.loss_weight,
            'acc_cells': (aggregated.detach().argmax(dim=1) == labels).to(logits.dtype).mean(),
        }
