"""Where a raster holds data: one definition for training, scoring, prediction and pixel counts."""

from __future__ import annotations

import os
import warnings
from functools import lru_cache

import cv2
import numpy as np
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NodataShadowWarning, RasterioError
from rasterio.windows import Window

from mmuda.datasets.raster.bands import Bands, band_names, numbers_of
from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.polygons import INSIDE, read_polygons
from mmuda.datasets.raster.reading import open_raster
from mmuda.utils.errors import UserError

MIDDLE = 127.5
"""Midpoint of the range [0, 255] to which images are scaled."""

# An image band has more grey values than this, and most of its non-zero pixels are below the maximum of their type.
_OPACITIES = 32
_OPENCV_MEANS = 4  # channels
_IN_BETWEEN = 0.5


def image_bands(path: str, bands: Bands | None = None) -> tuple[int, ...]:
    """The bands that hold the image: those requested, or all but opacity (alpha).

    GDAL marks the fourth band of an 8-bit GeoTIFF as opacity unless its writer says otherwise. If it is near infrared,
    listing it in ``bands`` makes it an image band instead of opacity.

    Args:
        path (str): File name.
        bands (Bands | None): Bands, counted from 1, or by the names that the file gives them.

    Raises:
        UserError: A name is not that of one band.
    """
    if bands is not None and not any(isinstance(band, str) for band in bands):
        return tuple(bands)
    raster = open_raster(path)
    meanings = raster.colorinterp
    if bands is not None:
        return numbers_of(bands, band_names([meaning.name for meaning in meanings], raster.descriptions), path)
    return tuple(band for band, meaning in enumerate(meanings, 1) if meaning != ColorInterp.alpha)


def valid_pixels(
    path: str,
    window: tuple[int, int, int, int],
    bands: tuple[int, ...] | None = None,
    values: np.ndarray | None = None,
    nodata: bool = True,
    region: str | None = None,
) -> np.ndarray:
    """Where the raster holds data: GDAL's dataset mask says so, and the bands are finite.

    As in GDAL, the mask is the dataset's own (inside the file or next to it as ``.msk``), else it follows from the "no
    data" values. A pixel has no data if *every* band of ``bands`` holds its "no data" value, since 0 in one of three
    bands may be a colour. An opacity (alpha) of 0 also means no data, unless ``bands`` list that band or it is not
    really opacity (:func:`opacity_bands`). Partly transparent pixels hold data. Integer rasters without any of these
    are not read.

    Args:
        path (str): File name.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the raster.
        bands (tuple[int, ...] | None): Bands of the image, counted from 1; None is all but opacity.
        values (np.ndarray | None): Values of the bands in the window, (height, width, bands), if already read.
        nodata (bool): False ignores the "no data" values.
        region (str | None): Vector file; ground outside its polygons counts as without data.

    Returns:
        np.ndarray: (height, width) bool.

    Raises:
        UserError: The file's data cannot be decoded.
    """
    row, col, height, width = window
    source, area = open_raster(path), Window(col, row, width, height)
    bands = image_bands(path, bands)
    if region is None:
        valid = np.ones((height, width), dtype=bool)
    else:
        valid = read_polygons(region, window, path, INSIDE) == 1
    flags = source.mask_flag_enums
    try:
        if MaskFlags.per_dataset in flags[0] and MaskFlags.alpha not in flags[0]:
            valid &= source.read_masks(1, window=area) != 0
        elif nodata and any(MaskFlags.nodata in flags[band - 1] for band in bands):
            found = _not_nodata(values, [source.nodatavals[band - 1] for band in bands])
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', NodataShadowWarning)  # opacity is read below
                valid &= source.read_masks(list(bands), window=area).any(axis=0) if found is None else found
        for band in opacity_bands(path):
            if band not in bands:
                valid &= source.read(band, window=area) != 0
        if any(np.issubdtype(source.dtypes[band - 1], np.inexact) for band in bands):
            if values is None:
                values = np.moveaxis(source.read(list(bands), window=area), 0, -1)
            finite = np.isfinite(values).reshape(height, width, -1)
            if not finite.all():
                for band in range(finite.shape[-1]):  # NumPy is slow along an axis of a few bands
                    valid &= finite[..., band]
    except RasterioError as error:
        raise UserError(
            f'The window (row, col, height, width) = {tuple(window)} of {path} cannot be read ({error}); '
            'replace the file by an intact copy or take it out of the dataset.'
        ) from error
    return valid


def _not_nodata(values: np.ndarray | None, nodata: list[float | None]) -> np.ndarray | bool | None:
    """Where some band differs from its "no data" value, if this is plain from the values; None leaves it to GDAL."""
    if values is None or not values.size or None in nodata:
        return None
    if np.issubdtype(values.dtype, np.floating):
        low, high = float(values.min()), float(values.max())
        # GDAL counts numbers a few bits apart as equal. Comparisons with NaN, declared or found, are false.
        margins = [(value, 1e-5 * abs(value) + 1e-30) for value in nodata]
        far = all(value + margin < low or value - margin > high for value, margin in margins)
        return True if far else None
    if values.dtype.name not in ('uint8', 'uint16', 'int16') or values.shape[2:] > (4,):
        return None
    limits = np.iinfo(values.dtype)
    if not all(limits.min <= value <= limits.max and value == int(value) for value in nodata):
        return None
    return cv2.inRange(values, tuple(nodata), tuple(nodata)) == 0


def opacity_bands(path: str) -> tuple[int, ...]:
    """The opacity bands: those that are marked as opacity and look like it.

    Software marks the fourth band of an 8-bit GeoTIFF as opacity by default. If it is near infrared, its zeros are deep
    water. Opacity is 0 or full for most pixels; a band with many values in between is an image.

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
    """Whether a raster's header declares anything about pixels without data."""
    source = open_raster(path)
    floats = any(np.issubdtype(source.dtypes[band - 1], np.inexact) for band in bands)
    marked = any(MaskFlags.all_valid not in source.mask_flag_enums[band - 1] for band in bands)
    return floats or marked or ColorInterp.alpha in source.colorinterp


def is_nodata(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """Where values equal the declared "no data" value, in the precision of the file.

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
    """Fill pixels without data with the mean of those that hold data.

    This neutral value keeps resampling from creating an edge around the data, and removes infinite values. Once the
    image is normalised, the data preprocessor sets these pixels to exactly 0.

    Args:
        image (np.ndarray): (H, W, C) in [0, 255]; changed in place if possible.
        valid (np.ndarray): (H, W) bool.

    Returns:
        np.ndarray: The image.
    """
    if valid.all():
        return image
    image = image if image.flags.writeable else image.copy()
    if not valid.any():
        fill = MIDDLE
    elif image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] <= _OPENCV_MEANS:
        fill = cv2.mean(image, valid.view(np.uint8))[: image.shape[2]]  # whole numbers: exact, and ten times as fast
    else:
        fill = image[valid].mean(axis=0, dtype=np.float64)
    image[~valid] = fill if np.issubdtype(image.dtype, np.inexact) else np.rint(fill)
    return image
