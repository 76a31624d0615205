"""A detail inside its context: places on both grids, and how their logits are fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.structures import pixel_weights, with_labels
from mmuda.utils.errors import UserError


class Box(NamedTuple):
    """A part of an image, in pixels; ``bottom`` and ``right`` are the first ones outside."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def of(self, image: Tensor) -> Tensor:
        """The part of (..., H, W), as a view."""
        return image[..., self.top : self.bottom, self.left : self.right]

    def into(self, size: Sequence[int], part: Tensor) -> Tensor:
        """Zeros of ``size`` (H, W) with the part (..., h, w) in its place."""
        return F.pad(part, (self.left, size[1] - self.right, self.top, size[0] - self.bottom))

    def over(self, stride: int) -> Box:
        """The same part on a grid that has every ``stride``-th pixel."""
        return Box(*(edge // stride for edge in self))


class Context(NamedTuple):
    """What the context gives.

    Attributes:
        features: Feature maps of the backbone (and neck).
        logits: Class scores, (N, K, h, w).
        attention: How far the detail counts by class and position, (N, K, h, w) in [0, 1].
    """

    features: tuple[Tensor, ...]
    logits: Tensor
    attention: Tensor


def resized(x: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Bilinear; unchanged if it has the size."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=align_corners)


def fused(context: Context, detail: Tensor, inner: Box, outer: Box, factor: int, align_corners: bool) -> Tensor:
    """up((1 - a) * context) + up(a) * detail, where a is 0 outside the detail (HRDA, section 3.3).

    Args:
        context: On a grid (h, w).
        detail: Logits, (N, K, *outer.size).
        inner: Where the detail lies on the grid of the context.
        outer: Where it lies on the ``factor`` times finer grid.
        factor: By how much the context is coarser.
        align_corners: As in torch's ``interpolate``.

    Returns:
        (N, K, factor * h, factor * w).
    """
    places = context.logits.shape[-2:]
    finer = [factor * side for side in places]
    attention = inner.into(places, inner.of(context.attention))
    low = resized((1 - attention) * context.logits, finer, align_corners)
    return low + resized(attention, finer, align_corners) * outer.into(finer, detail)


def stitched(parts: Sequence[Tensor], boxes: Sequence[Box], size: Sequence[int]) -> Tensor:
    """The mean of overlapping parts, (N, K, H, W).

    Args:
        parts: (N, K, h, w) of each box.
        boxes: They cover the map.
        size: Height and width of the map.
    """
    total = parts[0].new_zeros((*parts[0].shape[:2], *size), dtype=torch.promote_types(parts[0].dtype, torch.float32))
    count = total.new_zeros(size)
    for part, box in zip(parts, boxes, strict=True):
        box.of(total).add_(part)
        box.of(count).add_(1)
    return total / count


def cropped(samples: Sequence[SegDataSample], box: Box, size: Sequence[int]) -> list[SegDataSample]:
    """Samples with the labels, and the weights of pixels, inside a box of their images.

    Args:
        samples: The N labelled samples; they stay unchanged.
        box: In pixels of the images.
        size: Height and width of the images; labels may be finer by a whole number.

    Raises:
        UserError: If the labels lie on another grid.
    """
    labels, weights = torch.stack([sample.gt_sem_seg.data[0] for sample in samples]), pixel_weights(samples)
    scale = labels.shape[-1] // size[1]
    if tuple(labels.shape[-2:]) != (scale * size[0], scale * size[1]):
        raise UserError(
            f'HRDA: labels of {tuple(labels.shape[-2:])} do not lie on the grid of images of {tuple(size)}; give both '
            'one size, or labels that are finer by a whole number.'
        )
    box = Box(*(scale * edge for edge in box))
    plain = [SegDataSample(metainfo=sample.metainfo) for sample in samples]
    return with_labels(plain, box.of(labels), None if weights is None else box.of(weights))
