"""Cuts one tile of an image with its fine and coarse labels, and decides whether to keep it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from mmuda.datasets.raster.cells import cells_below, read_cells
from mmuda.datasets.raster.label_reading import classes_of, read_label
from mmuda.datasets.raster.labels import LabelTable
from mmuda.datasets.raster.reading import open_raster, read_window
from mmuda.datasets.raster.valid import valid_pixels
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.fileio import write_atomically


def cut_tile(
    image: Path, pair: tuple[str, str], window, luts: Mapping[str, LabelTable], out: Path, split: str, name: str, limits
) -> str:
    """Write one tile: its image, its fine and its coarse labels.

    Args:
        image: The image.
        pair: The fine and the coarse label.
        window: (row, col, height, width) in pixels of the image.
        luts: Lookup tables from codes to classes, for ``'fine'`` and ``'coarse'``.
        out: Folder of the dataset.
        split: Folder of the split below it.
        name: File name of the tile.
        limits: Minimum number of classes, maximum share of one class, maximum share of unknown pixels.

    Returns:
        The reason why it was dropped; '' if it was written.
    """
    labels = {}
    for kind, path in zip(('fine', 'coarse'), pair, strict=True):
        _, values, inside = read_cells(str(image), path, window)
        labels[kind] = classes_of(values, inside, luts[kind], path)
    pixels = read_window(str(image), window)
    valid = valid_pixels(str(image), window)
    for label in labels.values():
        label[~valid] = IGNORE_INDEX
    for kind, label in labels.items():
        why = _unfit(label, *limits)
        if why:
            return f'{kind}: {why}'
    files = {kind: out / kind / split / name for kind in ('coarse', 'fine', 'images')}
    if all(file.is_file() for file in files.values()):
        return ''
    raster = open_raster(str(image))
    grid = dict(
        crs=raster.crs,
        transform=rasterio.windows.transform(Window(window[1], window[0], *window[2:]), raster.transform),
    )
    cells, coarse_grid = _coarse_part(str(image), pair[1], window, luts['coarse'])
    _write(files['coarse'], cells[None], coarse_grid)
    _write(files['fine'], labels['fine'][None], grid)
    _write(files['images'], np.moveaxis(pixels, -1, 0), grid, valid, raster.colorinterp)
    return ''


def _unfit(label: np.ndarray, min_classes: int, max_share: float, max_ignored: float) -> str:
    known = label[label != IGNORE_INDEX]
    if label.size - known.size > max_ignored * label.size:
        return f'{100 * (1 - known.size / label.size):.0f} % unknown'
    counts = np.bincount(known, minlength=1)
    if (counts > 0).sum() < min_classes:
        return f'{(counts > 0).sum()} classes'
    share = counts.max() / known.size
    return f'{100 * share:.0f} % of one class' if share > max_share else ''


def _coarse_part(image: str, path: str, window, lut: LabelTable) -> tuple[np.ndarray, dict]:
    """Classes of the cells that a tile touches, and their grid."""
    coarse = open_raster(path)
    _, (top, left, height, width) = cells_below(open_raster(image), coarse, window)
    cells = read_label(path, (top, left, height, width), lut)
    grid = rasterio.windows.transform(Window(left, top, width, height), coarse.transform)
    return cells, dict(crs=coarse.crs, transform=grid)


def _write(path: Path, bands: np.ndarray, grid: dict, valid: np.ndarray | None = None, meanings=None) -> None:
    """Write a GeoTIFF with a mask of pixels without data and the band meanings of the image."""
    count, height, width = bands.shape
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.MemoryFile() as memory:
        profile = dict(driver='GTiff', count=count, height=height, width=width, dtype=str(bands.dtype), **grid)
        with memory.open(compress='deflate', **profile) as file:
            if meanings is not None:
                file.colorinterp = meanings  # else GDAL treats a fourth band as opacity
            file.write(bands)
            if valid is not None and not valid.all():
                file.write_mask(valid)
        write_atomically(memory.read(), path)
