"""Where a raster holds data: one notion for training, scoring, prediction and whatever counts pixels."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NodataShadowWarning, RasterioError
from rasterio.windows import Window

from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.reading import open_raster
from mmuda.utils.errors import UserError

MIDDLE = 127.5
"""Of the range [0, 255] that images are brought to."""

# An image band has more grey values than that, and most of its pixels that are not 0 lie between the ends of its range.
_OPACITIES = 32
_IN_BETWEEN = 0.5


def image_bands(path: str, bands: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """The bands that hold the image: those that are asked for, or all but opacity (alpha).

    GDAL marks the fourth band of an 8-bit GeoTIFF as opacity unless its writer says otherwise. Where it is near
    infrared, ``bands`` that name it make it a band of the image, and no opacity.

    Args:
        path (str): File name.
        bands (tuple[int, ...] | None): Bands, counted from 1.
    """
    if bands is not None:
        return tuple(bands)
    meanings = open_raster(path).colorinterp
    return tuple(band for band, meaning in enumerate(meanings, 1) if meaning != ColorInterp.alpha)


def valid_pixels(
    path: str,
    window: tuple[int, int, int, int],
    bands: tuple[int, ...] | None = None,
    values: np.ndarray | None = None,
    nodata: bool = True,
) -> np.ndarray:
    """Where the raster holds data: GDAL's mask of the dataset says so, and the bands are finite.

    The mask is, as GDAL has it, the dataset's own (inside the file or beside it as ``.msk``), else what the "no data"
    values say: a pixel has none where *every* band of ``bands`` holds its own, since 0 in one band of three may be
    a colour. Opacity (alpha) of 0 is no data besides, unless ``bands`` name it or it is none (:func:`opacity_bands`);
    partly transparent pixels hold data. A raster without any of these and of whole numbers is not read.

    Args:
        path (str): File name.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the raster.
        bands (tuple[int, ...] | None): Bands of the image, counted from 1; None is all but opacity.
        values (np.ndarray | None): What the bands hold there, (height, width, bands), if it has been read already.
        nodata (bool): False leaves the "no data" values out.

    Returns:
        np.ndarray: (height, width) bool.

    Raises:
        UserError: The file's data cannot be decoded.
    """
    row, col, height, width = window
    source, area = open_raster(path), Window(col, row, width, height)
    bands = image_bands(path, bands)
    valid = np.ones((height, width), dtype=bool)
    flags = source.mask_flag_enums
    try:
        if MaskFlags.per_dataset in flags[0] and MaskFlags.alpha not in flags[0]:
            valid &= source.read_masks(1, window=area) != 0
        elif nodata and any(MaskFlags.nodata in flags[band - 1] for band in bands):
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', NodataShadowWarning)  # opacity is read below
                valid &= source.read_masks(list(bands), window=area).any(axis=0)
        for band in opacity_bands(path):
            if band not in bands:
                valid &= source.read(band, window=area) != 0
        if any(np.issubdtype(source.dtypes[band - 1], np.inexact) for band in bands):
            if values is None:
                values = np.moveaxis(source.read(list(bands), window=area), 0, -1)
            valid &= np.isfinite(values).reshape(height, width, -1).all(axis=-1)
    except RasterioError as error:
        raise UserError(
            f'The window (row, col, height, width) = {tuple(window)} of {path} cannot be read ({error}); '
            'replace the file by an intact copy or take it out of the dataset.'
        ) from error
    return valid


def opacity_bands(path: str) -> tuple[int, ...]:
    """The bands that tell opacity: those that are marked so and look so.

    Software marks the fourth band of an 8-bit GeoTIFF as opacity without knowing, and where it is near infrared, its 0
    is deep water. Opacity is 0 or full for most pixels; a band of many values in between is a picture.

    Args:
        path (str): File name.
    """
    marked = [band for band, meaning in enumerate(open_raster(path).colorinterp, 1) if meaning == ColorInterp.alpha]
    if not marked:
        return ()
    status = os.stat(path) if os.path.exists(path) else None
    return _opacity_bands(path, tuple(marked), status and (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=4096)
def _opacity_bands(path: str, marked: tuple[int, ...], version: tuple | None) -> tuple[int, ...]:
    source = open_raster(path)
    boxes = windows_to_check(source.shape, whole=False)
    found = []
    for band in marked:
        parts = [source.read(band, window=Window(col, row, width, height)) for row, col, height, width in boxes]
        values, counts = np.unique(np.concatenate([part.ravel() for part in parts]), return_counts=True)
        full = np.iinfo(values.dtype).max if np.issubdtype(values.dtype, np.integer) else values.max()
        between = (values != 0) & (values != full)
        share = counts[between].sum() / max(1, counts[values != 0].sum())
        if between.sum() < _OPACITIES or share < _IN_BETWEEN:
            found.append(band)
    return tuple(found)


def may_lack_data(path: str, bands: tuple[int, ...]) -> bool:
    """Whether a raster has anything that tells of pixels without data, by its header."""
    source = open_raster(path)
    floats = any(np.issubdtype(source.dtypes[band - 1], np.inexact) for band in bands)
    marked = any(MaskFlags.all_valid not in source.mask_flag_enums[band - 1] for band in bands)
    return floats or marked or ColorInterp.alpha in source.colorinterp


def is_nodata(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """Where values are the declared "no data" value, in the precision of the file.

    Args:
        values (np.ndarray): Of any shape and dtype.
        nodata (float | None): The declared value; None declares nothing.

    Returns:
        np.ndarray: Bool, of the same shape.
    """
    if nodata is None or (np.isnan(nodata) and not np.issubdtype(values.dtype, np.inexact)):
        return np.zeros(values.shape, dtype=bool)
    if np.isnan(nodata):
        return np.isnan(values)
    if np.issubdtype(values.dtype, np.inexact):
        return np.isclose(values, values.dtype.type(nodata), rtol=1e-6, atol=0)
    return values == nodata


def fill_invalid(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Put the mean of the pixels that hold data where there is none.

    A neutral value, so that resampling draws no edge around the data and nothing is infinite; once the image is
    normalised, the data preprocessor makes these pixels exactly 0.

    Args:
        image (np.ndarray): (H, W, C) in [0, 255]; changed in place where it can be.
        valid (np.ndarray): (H, W) bool.

    Returns:
        np.ndarray: The image.
    """
    if valid.all():
        return image
    image = image if image.flags.writeable else image.copy()
    fill = image[valid].mean(axis=0, dtype=np.float64) if valid.any() else MIDDLE
    image[~valid] = fill if np.issubdtype(image.dtype, np.inexact) else np.rint(fill)
    return image
