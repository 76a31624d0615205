"""Turns logits of fine pixels into logits of the label cells that contain them."""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.utils.errors import UserError

REDUCTIONS = ('sum', 'mean')


def aggregate_regions(logits: Tensor, cells: Tensor, reduction: str = 'sum') -> tuple[Tensor, Tensor]:
    """Sum or average logits over label cells (Low2High, section 4.3), in one scatter pass.

    Args:
        logits: (N, C, H, W).
        cells: Index of the cell of each pixel within its image, (N, H, W) integers from 0; -1 where there is none.
        reduction: ``'sum'`` (the paper) or ``'mean'``, which does not depend on the size of the cells.

    Returns:
        Aggregated logits (N, T, C), 0 for cells without pixels, with T one more than the largest index; and the pixels
        per cell (N, T) int64.

    Raises:
        UserError: If the shapes or the reduction do not fit.
    """
    if reduction not in REDUCTIONS:
        raise UserError(
            f'reduction={reduction!r} of aggregate_regions is unknown; give one of {", ".join(REDUCTIONS)}.'
        )
    if logits.ndim != 4 or cells.shape != logits.shape[:1] + logits.shape[2:]:
        raise UserError(
            f'aggregate_regions got logits of shape {tuple(logits.shape)} and cells of {tuple(cells.shape)}; give '
            '(N, C, H, W) and (N, H, W).'
        )
    images, channels = logits.shape[:2]
    most = max(int(cells.max()) + 1, 1)
    # The last row collects the pixels outside all cells.
    offset = torch.arange(images, device=cells.device).view(-1, 1, 1) * most
    index = torch.where(cells < 0, images * most, cells.long() + offset).flatten()
    values = logits.permute(0, 2, 3, 1).reshape(-1, channels)
    summed = values.new_zeros(images * most + 1, channels).index_add(0, index, values)
    count = torch.bincount(index, minlength=images * most + 1)
    summed, count = summed[:-1].view(images, most, channels), count[:-1].view(images, most)
    if reduction == 'mean':
        summed = summed / count.clamp(min=1).unsqueeze(-1)
    return summed, count


def labels_of_regions(label: Tensor, cells: Tensor, count: int, ignore_index: int = 255) -> Tensor:
    """The label of each cell, from any of its pixels that is not ignored.

    Args:
        label: Labels of the cells at their pixels, (N, H, W) int64.
        cells: Index of the cell of each pixel, (N, H, W); -1 where there is none.
        count: T, cells per image.
        ignore_index: Label of pixels that are ignored.

    Returns:
        (N, T) int64; ``ignore_index`` for cells without a labelled pixel.
    """
    images = len(label)
    labels = label.new_full((images, count + 1), -1)
    index = torch.where((cells < 0) | (label == ignore_index), count, cells.long()).flatten(1)
    # All labelled pixels of a cell hold the same value, so the largest is that value.
    labels = labels.scatter_reduce(1, index, label.flatten(1), reduce='amax')[:, :count]
    return torch.where(labels < 0, ignore_index, labels)
