"""Counts the labelled pixels of each class by place, once for a dataset, and keeps the counts on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from mmengine.logging import print_log

from mmuda.datasets.kept import kept
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.raster.label_reading import read_label
from mmuda.datasets.raster.reading import CHECKING_THREADS, close_rasters
from mmuda.datasets.raster.valid import valid_pixels
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.progress import Progress

Box = tuple[int, int, int, int]
_VERSION = 2  # of the files on disk
_STRIP_PIXELS = 1 << 22


@dataclass(frozen=True)
class ClassCounts:
    """Pixels of each class in the cells of a dataset's rasters.

    Attributes:
        items (np.ndarray): Index of a dataset item whose raster, or tile of one, holds the cell, (M,) int64.
        cells (np.ndarray): (row, col, height, width) of each cell in pixels of the raster, (M, 4) int64.
        pixels (np.ndarray): Labelled pixels of each class in the cell, (M, K) int64; 255 and pixels without data do not
            count.
    """

    items: np.ndarray
    cells: np.ndarray
    pixels: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Share of each class among all labelled pixels, (K,) float64, sums to 1; zeros if nothing is labelled."""
        totals = self.pixels.sum(axis=0)
        return totals / max(int(totals.sum()), 1)


@dataclass(frozen=True)
class _Unit:
    """A raster, or a tile of one, and the grid of its cells."""

    item: int
    image: str
    label: str
    rows: tuple[int, ...]
    cols: tuple[int, ...]

    @property
    def cells(self) -> list[Box]:
        return [(r0, c0, r1 - r0, c1 - c0) for r0, r1 in pairwise(self.rows) for c0, c1 in pairwise(self.cols)]


def crop_step(dataset: RasterDataset) -> Callable | None:
    """The step that chooses a crop before anything is read; None if whole rasters or tiles are read."""
    steps = dataset.pipeline.transforms
    return steps[0] if steps and hasattr(steps[0], 'raster_size') else None


def class_counts(dataset: RasterDataset) -> ClassCounts:
    """Count the pixels of each class of a labelled dataset, or read the counts of an earlier process.

    A raster (or tile) is cut into the fewest equal cells that are not larger than the crop that the pipeline draws, so
    an image of the crop's size, or one that is read whole, is one cell. Labels are read strip by strip, never a large
    raster at once. The counts lie in the cache folder (:func:`mmuda.utils.cache.cache_folder`) together with size and
    time of every file; if a file has changed, they are made anew. One process counts while others wait.

    Args:
        dataset: The dataset, its index loaded.

    Returns:
        ClassCounts: The cells of all rasters.

    Raises:
        UserError: The dataset reads no labels of its own, a label cannot be read, or the cache folder cannot be
            written to.
    """
    units = _units(dataset)
    grids = [(os.path.abspath(unit.image), os.path.abspath(unit.label), unit.rows, unit.cols) for unit in units]
    files = [file for unit in units for file in (unit.image, unit.label, dataset.region) if file is not None]
    rules = [_VERSION, _describe(dataset), grids]
    return ClassCounts(**kept('class_counts', rules, files, lambda: vars(_count_all(dataset, units))))


def _units(dataset: RasterDataset) -> list[_Unit]:
    step, units = crop_step(dataset), {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if info.get('seg_map_path') is None:
            raise UserError(
                f'{type(dataset).__name__} has no label for {info["img_path"]}, so its classes cannot be counted; give '
                "data_prefix['seg_map_path'] and labelled=True."
            )
        row, col, height, width = info.get('window') or (0, 0, *info['raster_shape'])
        size = (height, width) if step is None else step.raster_size(info['gsd'], info.get('ground_pixel'))
        key = info['img_path'], row, col, height, width
        if key not in units:
            rows, cols = _cuts(row, height, size[0]), _cuts(col, width, size[1])
            units[key] = _Unit(index, info['img_path'], info['seg_map_path'], rows, cols)
    return list(units.values())


def _cuts(start: int, total: int, size: int) -> tuple[int, ...]:
    """Edges of the fewest equal parts that are not larger than ``size``."""
    number = -(-total // size)
    return tuple(start + total * part // number for part in range(number + 1))


def _count_all(dataset: RasterDataset, units: list[_Unit]) -> ClassCounts:
    close_rasters()  # an open file would still give what it held before it was replaced
    progress = Progress(len(units), 'labels counted', lambda line: print_log(line, 'current'), seconds=60.0)
    counts = []
    with ThreadPoolExecutor(CHECKING_THREADS) as pool:
        jobs = [pool.submit(_count, dataset, unit) for unit in units]
        try:
            for done, job in enumerate(jobs, 1):
                counts.append(job.result())
                progress.update(done)
        finally:
            pool.shutdown(cancel_futures=True)
    return ClassCounts(
        items=np.repeat([unit.item for unit in units], [len(unit.cells) for unit in units]).astype(np.int64),
        cells=np.array([cell for unit in units for cell in unit.cells], dtype=np.int64),
        pixels=np.concatenate(counts),
    )


def _count(dataset: RasterDataset, unit: _Unit) -> np.ndarray:
    """Pixels of each class in each cell of a unit, (cells, K); whole rows are read, as most files store them."""
    classes, left, right = len(dataset.metainfo['classes']), unit.cols[0], unit.cols[-1]
    strip = max(1, _STRIP_PIXELS // (right - left))
    counts = np.zeros((len(unit.rows) - 1, len(unit.cols) - 1, classes), dtype=np.int64)
    for i, (top, bottom) in enumerate(pairwise(unit.rows)):
        for row in range(top, bottom, strip):
            window = (row, left, min(strip, bottom - row), right - left)
            label = read_label(unit.label, window, dataset.label_lut, unit.image)
            label[~valid_pixels(unit.image, window, dataset.bands, region=dataset.region)] = IGNORE_INDEX
            for j, (start, end) in enumerate(pairwise(unit.cols)):
                part = label[:, start - left : end - left].ravel()
                counts[i, j] += np.bincount(part, minlength=IGNORE_INDEX + 1)[:classes]
    return counts.reshape(-1, classes)


def _describe(dataset: RasterDataset) -> list:
    """What decides which class a pixel of the files counts for."""
    table = dataset.label_lut
    rules = [table.lut.tolist(), sorted(table.others.items()), sorted(table.named), table.band, table.from_index]
    rules += [sorted(table.colours.items()), table.polygons, table.own_grid]
    return [*rules, list(dataset.metainfo['classes']), dataset.bands, dataset.region]
