"""Mean and standard deviation of the bands of a domain, computed once over sampled windows and kept on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmuda.datasets.kept import kept
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.raster.image_reading import read_image
from mmuda.datasets.raster.reading import close_rasters
from mmuda.utils.errors import UserError

WINDOWS, SIDE = 64, 256
_VERSION = 1  # of the files on disk


class BandStatistics(NamedTuple):
    """Statistics of a domain.

    Attributes:
        mean (tuple[float, ...]): Mean of each band as training reads it, in [0, 255].
        std (tuple[float, ...]): Standard deviation of each band, likewise.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


def band_statistics(datasets: Sequence[RasterDataset]) -> BandStatistics:
    """Mean and standard deviation of the bands of a domain, of its pixels with data.

    They come from up to ``WINDOWS`` windows of at most ``SIDE`` pixels a side, whose items and places are drawn by a
    fixed seed, within the part and the region of each dataset. The numbers lie in the cache folder
    (:func:`mmuda.utils.cache.cache_folder`) until a file changes.

    Args:
        datasets (Sequence[RasterDataset]): The datasets of one domain, their indices loaded; all read as many bands.

    Returns:
        BandStatistics: In the order in which bands are read, red first; a band of one value has a deviation of 0.

    Raises:
        UserError: No window holds data, or a file cannot be read.
    """
    items = [(dataset, index) for dataset in datasets for index in range(len(dataset))]
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(items))[:WINDOWS]
    infos = [items[place][0].get_data_info(items[place][1]) for place in sorted(chosen)]
    windows = [_window(info, rng) for info in infos]
    paths = [info['img_path'] for info in infos]
    rules = [_VERSION, windows, [os.path.abspath(path) for path in paths]]
    rules += [[info['bands'], info['value_range'], info.get('region')] for info in infos]
    regions = {info['region'] for info in infos if info.get('region')}
    found = kept('band_statistics', rules, [*dict.fromkeys(paths), *sorted(regions)], lambda: _measure(infos, windows))
    return BandStatistics(*(tuple(float(f'{value:.4g}') for value in found[name]) for name in ('mean', 'std')))


def _window(info: dict, rng: np.random.Generator) -> tuple[int, int, int, int]:
    top, left, height, width = info.get('around') or info.get('window') or (0, 0, *info['raster_shape'])
    size = min(SIDE, height), min(SIDE, width)
    row, col = (int(rng.integers(length - side + 1)) for length, side in zip((height, width), size, strict=True))
    return int(top) + row, int(left) + col, int(size[0]), int(size[1])


def _measure(infos: list[dict], windows: list[tuple]) -> dict[str, np.ndarray]:
    close_rasters()  # an open file would still give what it held before it was replaced
    total, sums, squares = 0, 0.0, 0.0
    for info, window in zip(infos, windows, strict=True):
        options = info['bands'], info['value_range'], info.get('region')
        image, valid = read_image(info['img_path'], window, *options)
        pixels = image[valid].astype(np.float64)
        total, sums, squares = total + len(pixels), sums + pixels.sum(axis=0), squares + (pixels**2).sum(axis=0)
    if not total:
        raise UserError(
            f'{infos[0]["img_path"]} and the others hold no data in {len(windows)} sampled windows, so their mean is '
            'unknown; check nodata, bands and the region'
        )
    mean = sums / total
    return dict(mean=mean, std=np.sqrt(np.maximum(squares / total - mean**2, 0)))
