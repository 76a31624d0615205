"""Marks pixels of a sample without data, as found by the pipeline, for all code that reads predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.structures.constants import IGNORE_INDEX, NO_DATA


def no_data_of(sample: SegDataSample | None, size: tuple[int, int] | None = None) -> Tensor | None:
    """Where a sample holds no data.

    Args:
        sample: The data sample.
        size: (height, width) to resize it to, by nearest neighbour; None keeps the grid of the label.

    Returns:
        (h, w) bool; None where every pixel holds data.
    """
    if sample is None or NO_DATA not in sample:
        return None
    return _resized(sample.get(NO_DATA).data[0], size)


def validity(samples: Sequence[SegDataSample], size: tuple[int, int], like: Tensor) -> Tensor | None:
    """Weights of the pixels of a batch: 1 where a pixel holds data, 0 where it does not.

    Args:
        samples: The N data samples.
        size: (h, w) of the weights.
        like: A tensor whose dtype and device they get.

    Returns:
        (N, 1, h, w); None if every pixel of the batch holds data, so that this case costs nothing.
    """
    missing = [no_data_of(sample, size) for sample in samples]
    if all(one is None for one in missing):
        return None
    weights = torch.ones(len(samples), 1, *size, dtype=like.dtype, device=like.device)
    for weight, one in zip(weights, missing, strict=True):
        if one is not None:
            weight[0, one.to(like.device)] = 0
    return weights


def no_data_of_prediction(sample: Mapping | SegDataSample, size: tuple[int, int]) -> Tensor | None:
    """Where the image of a prediction holds no data, on the grid of the prediction.

    mmseg's segmentors predict on the grid of the image before the pipeline flipped and resized it; the mask is flipped
    and resized back accordingly.

    Args:
        sample: The data sample, or its dict as metrics get it.
        size: (height, width) of the prediction.

    Returns:
        (h, w) bool; None where every pixel holds data.
    """
    field, meta = sample.get(NO_DATA), sample if isinstance(sample, Mapping) else sample.metainfo
    if field is None:
        return None
    missing = (field['data'] if isinstance(field, Mapping) else field.data)[0]
    if meta.get('flip'):
        missing = missing.flip(dict(horizontal=(1,), vertical=(0,), diagonal=(0, 1))[meta['flip_direction']])
    return _resized(missing, size)


def predicted_label(sample: SegDataSample) -> Tensor:
    """The predicted classes of a sample, (h, w); 255 where its image holds no data."""
    label = sample.pred_sem_seg.data.squeeze(0)
    missing = no_data_of_prediction(sample, label.shape[-2:])
    return label if missing is None else label.masked_fill(missing.to(label.device), IGNORE_INDEX)


def _resized(missing: Tensor, size: tuple[int, int] | None) -> Tensor:
    if size is None or tuple(missing.shape) == tuple(size):
        return missing
    return F.interpolate(missing[None, None].float(), size=tuple(size), mode='nearest')[0, 0] > 0.5
