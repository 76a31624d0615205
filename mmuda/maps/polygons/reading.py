"""A class map, and the confidence beside it, read in strips from the top to the bottom."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.reading import forget_raster, open_raster, read_window
from mmuda.datasets.raster.valid import is_nodata, valid_pixels
from mmuda.maps.polygons.checks import TYPES
from mmuda.maps.polygons.classes import Classes
from mmuda.maps.polygons.tracing import Pieces, trace

# A strip of a very wide map has fewer rows, so that its memory stays bounded.
_MAX_PIXELS = 1 << 25


def pieces_of(
    info: RasterInfo, classes: Classes, confidence: str | None, rows: int
) -> Iterator[tuple[int, int, Pieces]]:
    """Trace a map strip by strip.

    Args:
        info (RasterInfo): The map.
        classes (Classes): What is outlined.
        confidence (str | None): Raster of the confidence, on the map's grid.
        rows (int): Rows of a strip; fewer where the map is very wide.

    Yields:
        tuple[int, int, Pieces]: First row, row after the last, and the pieces of each strip.

    Raises:
        UserError: A strip cannot be read.
    """
    rows = max(1, min(rows, _MAX_PIXELS // info.width))
    for top in range(0, info.height, rows):
        bottom = min(top + rows, info.height)
        window = top, 0, bottom - top, info.width
        values = read_window(info.path, window, 1)
        wanted = valid_pixels(info.path, window, (1,), values[..., None]) & classes.mask(values)
        known = None if confidence is None else _confidence(confidence, window)
        # GDAL would keep all strips that have been read, up to its cache's size.
        forget_raster(info.path)
        yield top, bottom, trace(values.astype(TYPES[info.dtype], copy=False), wanted, top, known)


def _confidence(path: str, window: tuple[int, int, int, int]) -> np.ndarray:
    source, values = open_raster(path), read_window(path, window, 1)
    found = values.astype(np.float32) * source.scales[0] + source.offsets[0]
    found[is_nodata(values, source.nodata)] = np.nan
    forget_raster(path)
    return found
