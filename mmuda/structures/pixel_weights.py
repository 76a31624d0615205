"""Weights of single pixels in a loss, which travel with the labels of a sample."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from .no_data import NO_DATA

PIXEL_WEIGHT = 'pixel_weight'
"""Field of a data sample: (1, h, w) float on the grid of the label; absent where every pixel has the weight 1."""


def pixel_weight_of(sample: SegDataSample) -> Tensor | None:
    """The weights of a sample's pixels, (h, w); None where all are 1."""
    return sample.get(PIXEL_WEIGHT).data[0] if PIXEL_WEIGHT in sample else None


def pixel_weights(samples: Sequence[SegDataSample]) -> Tensor | None:
    """Weights of the pixels of a batch.

    Args:
        samples: The N labelled data samples, on one grid.

    Returns:
        (N, h, w) float; 1 for samples without weights. None if no sample has any, so that this case costs nothing.
    """
    weights = [pixel_weight_of(sample) for sample in samples]
    given = next((weight for weight in weights if weight is not None), None)
    if given is None:
        return None
    return torch.stack([torch.ones_like(given) if weight is None else weight for weight in weights])


def with_labels(samples: Sequence[SegDataSample], labels: Tensor, weights: Tensor | None = None) -> list[SegDataSample]:
    """Copies of samples with other labels.

    Args:
        samples: The N data samples; they stay unchanged. Metainfo and ``no_data`` are kept.
        labels: (N, h, w) int64, class indices and 255.
        weights: Weights of the pixels, (N, h, w) float, or None for 1.

    Returns:
        N data samples with ``gt_sem_seg`` and, if given, ``pixel_weight``.
    """
    copies = []
    for i, (sample, label) in enumerate(zip(samples, labels, strict=True)):
        copy = SegDataSample(metainfo=sample.metainfo)
        if NO_DATA in sample:
            copy.set_field(sample.get(NO_DATA), NO_DATA, dtype=PixelData)
        copy.gt_sem_seg = PixelData(data=label[None])
        if weights is not None:
            copy.set_field(PixelData(data=weights[i][None]), PIXEL_WEIGHT, dtype=PixelData)
        copies.append(copy)
    return copies
