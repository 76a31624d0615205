"""Pixels of a sample that hold no data: what a pipeline found in the raster, for whoever reads predictions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

NO_DATA = 'no_data'
"""Field of a data sample: (1, h, w) bool on the grid of the label, there only if any pixel holds no data."""


def no_data_of(sample: SegDataSample | None, size: tuple[int, int] | None = None) -> Tensor | None:
    """Where a sample holds no data.

    Args:
        sample: The data sample.
        size: (height, width) to bring it to, by nearest neighbour; None leaves it on the grid of the label.

    Returns:
        (h, w) bool; None where every pixel holds data.
    """
    if sample is None or NO_DATA not in sample:
        return None
    missing = sample.get(NO_DATA).data[0]
    if size is None or tuple(missing.shape) == tuple(size):
        return missing
    return F.interpolate(missing[None, None].float(), size=tuple(size), mode='nearest')[0, 0] > 0.5


def validity(samples: Sequence[SegDataSample], size: tuple[int, int], like: Tensor) -> Tensor | None:
    """Weights of the pixels of a batch: 1 where a pixel holds data, 0 where it does not.

    Args:
        samples: The N data samples.
        size: (h, w) of the weights.
        like: A tensor whose dtype and device they get.

    Returns:
        (N, 1, h, w); None where every pixel of the batch holds data, which then costs nothing.
    """
    missing = [no_data_of(sample, size) for sample in samples]
    if all(one is None for one in missing):
        return None
    weights = torch.ones(len(samples), 1, *size, dtype=like.dtype, device=like.device)
    for weight, one in zip(weights, missing, strict=True):
        if one is not None:
            weight[0, one.to(like.device)] = 0
    return weights
