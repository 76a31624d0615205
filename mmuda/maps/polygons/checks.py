"""Which rasters can be outlined; needs no package of the extra ``vector``."""

from __future__ import annotations

import numpy as np

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.valid import image_bands
from mmuda.utils.errors import UserError

TYPES = {'uint8': 'uint8', 'int8': 'int16', 'uint16': 'uint16', 'int16': 'int16', 'int32': 'int32'}
"""What a map may hold, and the type in which it is outlined."""
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
    if info.dtype not in TYPES:
        raise UserError(
            f'{info.path} holds {info.dtype}, but a map of classes holds one of {", ".join(TYPES)}; convert it '
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
