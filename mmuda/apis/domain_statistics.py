"""Mean and standard deviation of the streams of a training, and whether the data preprocessor's fit them."""

from __future__ import annotations

import numpy as np
from mmengine.config import Config
from torch import nn

from mmuda.apis.candidates import built_dataset
from mmuda.apis.stream_report import rasters_below
from mmuda.datasets.band_statistics import BandStatistics, band_statistics
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.uda_dataset import parts_of, stream_of

FAR, SPREAD = 2.0, 4.0
"""Normalised values with a mean beyond the first, or a deviation that is so many times too small or large, are told."""


def statistics_of(dataset) -> dict[str, BandStatistics]:
    """Statistics of each stream that reads rasters alone, kept on disk (:func:`band_statistics`).

    Args:
        dataset: A UDADataset, or a plain dataset, which is the stream ``train``.
    """
    found = {}
    for name in getattr(dataset, 'streams', {'train': dataset}):
        parts = [rasters_below(part) for part in parts_of(stream_of(dataset, name))]
        if all(isinstance(part, RasterDataset) and part.reads_images for part in parts):
            found[name] = band_statistics(parts)
    return found


def own_statistics(cfg: Config) -> dict[str, dict[str, list[float]]]:
    """``streams`` of a data preprocessor that normalises each domain by its own statistics.

    Args:
        cfg: Config whose training streams are measured.
    """
    found = statistics_of(built_dataset(cfg.train_dataloader.dataset))
    return {name: dict(mean=list(one.mean), std=list(one.std)) for name, one in found.items()}


def lines_of_statistics(found: dict[str, BandStatistics], model: nn.Module) -> list[str]:
    """A line on the values of each stream, before and after the data preprocessor."""
    lines = []
    for name, statistics in found.items():
        pairs = ', '.join(f'{mean:.0f} ± {std:.0f}' for mean, std in zip(*statistics, strict=True))
        after = _normalised(statistics, model, name)
        seen = '' if after is None else f'; for the network, {_pairs(*after)}'
        lines.append(f'values of {name}, mean ± deviation of each band: {pairs}{seen}')
    return lines


def warnings_of_statistics(found: dict[str, BandStatistics], model: nn.Module) -> list[str]:
    """Streams whose values are far from what the data preprocessor makes of them."""
    warnings = []
    for name, statistics in found.items():
        after = _normalised(statistics, model, name)
        if after is None:
            continue
        mean, std = after
        if np.abs(mean).max() > FAR or std.min() < 1 / SPREAD or std.max() > SPREAD:
            own = f'{name}=dict(mean={list(statistics.mean)}, std={[max(value, 1.0) for value in statistics.std]})'
            warnings.append(
                f'{name}: after the data preprocessor, bands have mean ± deviation {_pairs(mean, std)}, far from '
                f'0 ± 1; check value_range, or give the stream its own: data_preprocessor=dict(streams=dict({own}))'
            )
    return warnings


def _pairs(mean: np.ndarray, std: np.ndarray) -> str:
    return ', '.join(f'{one:.1f} ± {other:.1f}' for one, other in zip(mean, std, strict=True))


def _normalised(statistics: BandStatistics, model: nn.Module, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and deviation after the data preprocessor; None if it has another number of bands or keeps none."""
    preprocessor = getattr(model, 'data_preprocessor', None)
    if not hasattr(preprocessor, 'streams'):
        return None
    used = preprocessor.streams.get(name, preprocessor.default)
    mean, std = (np.array(used[key], dtype=np.float64) for key in ('mean', 'std'))
    own = np.array(statistics.mean), np.array(statistics.std)
    if len(mean) != len(own[0]):
        return None
    if preprocessor.rgb_to_bgr:
        mean, std = (np.concatenate([one[2::-1], one[3:]]) for one in (mean, std))
    return (own[0] - mean) / std, own[1] / std
