"""A class map, and the confidence beside it, read in strips from the top to the bottom."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.reading import forget_raster, open_raster, read_window
from mmuda.datasets.raster.valid import image_bands, is_nodata, valid_pixels
from mmuda.maps.polygons.classes import Classes
from mmuda.maps.polygons.tracing import Pieces, trace
from mmuda.utils.errors import UserError

# What a map may hold, and the type in which it is outlined.
_TYPES = {'uint8': 'uint8', 'int8': 'int16', 'uint16': 'uint16', 'int16': 'int16', 'int32': 'int32'}
# A strip of a very wide map has fewer rows, so that its memory stays bounded.
_MAX_PIXELS = 1 << 25
# Pixels by which the corner of a confidence raster may lie off that of the map.
_OFF = 0.01


def check_map(info: RasterInfo) -> None:
    """Refuse a raster that is no map of classes.

    Raises:
        UserError: It has several bands, or its values are no whole numbers of up to 32 bits.
    """
    bands = image_bands(info.path)
    if bands != (1,):
        raise UserError(f'{info.path} has {len(bands)} bands, but a map of classes has one; give such a map')
    if info.dtype not in _TYPES:
        raise UserError(
            f'{info.path} holds {info.dtype}, but a map of classes holds one of {", ".join(_TYPES)}; convert it '
            '(gdal_translate -ot Byte)'
        )


def check_confidence(confidence: RasterInfo, info: RasterInfo) -> None:
    """Refuse a confidence raster that is not on the grid of the map.

    Raises:
        UserError: It has another size or place, or several bands.
    """
    bands = len(image_bands(confidence.path))
    if confidence.shape != info.shape or bands != 1:
        raise UserError(
            f'{confidence.path} has {confidence.height} x {confidence.width} px in {bands} band(s), but the map '
            f'{info.path} has {info.height} x {info.width} px; give one band on the grid of the map'
        )
    pixel = np.hypot(*np.array(info.transform).reshape(2, 3)[:, :2]).max()
    if np.abs(np.subtract(confidence.transform, info.transform)).max() > _OFF * pixel:
        raise UserError(f'{confidence.path} and the map {info.path} lie at different places; give rasters of one grid')


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
        yield top, bottom, trace(values.astype(_TYPES[info.dtype], copy=False), wanted, top, known)


def _confidence(path: str, window: tuple[int, int, int, int]) -> np.ndarray:
    source, values = open_raster(path), read_window(path, window, 1)
    found = values.astype(np.float32) * source.scales[0] + source.offsets[0]
    found[is_nodata(values, source.nodata)] = np.nan
    forget_raster(path)
    return found
