"""Reads the pixels of a web map's tile, in whatever way it codes colour and transparency."""

from __future__ import annotations

import numpy as np
from rasterio.enums import ColorInterp

from mmuda.datasets.raster.label_colours import colour_table_of
from mmuda.datasets.raster.reading import open_raster, probe_raster, read_window
from mmuda.datasets.raster.valid import image_bands, valid_pixels
from mmuda.utils.errors import UserError

OPAQUE = 255


def bands_of(path: str) -> tuple[int, int, str]:
    """(side in pixels, number of bands without opacity, type) of a tile; a colour table counts as three bands.

    Raises:
        UserError: The tile is damaged or not square.
    """
    raster = probe_raster(path)
    if raster.height != raster.width:
        raise UserError(f'the tile {path} is {raster.width} x {raster.height} px, and tiles are square; remove it')
    table = ColorInterp.palette.name in raster.meanings
    count = sum(meaning != ColorInterp.alpha.name for meaning in raster.meanings)
    return raster.height, 3 if table else count, raster.dtype


def read_tile(path: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a tile, and where it shows anything.

    Args:
        path: The tile.
        count: Number of bands wanted; grey becomes three equal ones.

    Returns:
        (bands, side, side), and (side, side) bool.

    Raises:
        UserError: It cannot be decoded.
    """
    source = open_raster(path)
    window = (0, 0, source.height, source.width)
    table = colour_table_of(path) if source.count == 1 else None
    if table is None:
        bands = image_bands(path)
        return _repeated(np.moveaxis(read_window(path, window, bands), -1, 0), count), valid_pixels(path, window)
    # With opacity, unlike the table that labels are read by.
    colours = np.zeros((256, 4), dtype=np.uint8)
    for value, colour in source.colormap(1).items():
        colours[min(value, OPAQUE)] = colour
    found = colours[read_window(path, window, 1)]
    return np.moveaxis(found[..., :3], -1, 0), (found[..., 3] > 0) & valid_pixels(path, window)


def _repeated(bands: np.ndarray, count: int) -> np.ndarray:
    return np.repeat(bands, count, axis=0) if len(bands) == 1 else bands
