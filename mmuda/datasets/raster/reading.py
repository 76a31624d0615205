"""Reads windows and headers of rasters, with cached handles and errors that name the file."""

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from mmuda.datasets.raster.bands import band_names
from mmuda.datasets.raster.damage import (
    check_orientation,
    check_pixels,
    check_structure,
    damaged,
    reason,
    vrt_sources,
    windows_to_check,
)
from mmuda.datasets.raster.files import is_address
from mmuda.datasets.raster.geometry import (
    control_of,
    ground_pixel,
    local_unit,
    map_pixel,
    side_of_square,
)
from mmuda.datasets.raster.info import RasterInfo
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import note_input
from mmuda.utils.log import log
from mmuda.utils.progress import Progress

MAX_OPEN_RASTERS = 64
"""Number of open handles that a process keeps; each is a file descriptor."""

CHECKING_THREADS = 4

# What OpenCV merges in every version from 4.9 on.
_OPENCV_TYPES = ('uint8', 'int8', 'uint16', 'int16', 'int32', 'float32', 'float64')
_OPENCV_BANDS = 128

# GDAL checks the environment on reading, so this affects every handle of the process, whoever opened it. GDAL's fast
# path for whole PNG images ignores a missing end, and libjpeg's warnings mean corrupt pixels.
os.environ.setdefault('GDAL_PNG_WHOLE_IMAGE_OPTIM', 'NO')
os.environ.setdefault('GDAL_ERROR_ON_LIBJPEG_WARNING', 'YES')
# A server that is busy for a moment does not end a training of hours.
os.environ.setdefault('GDAL_HTTP_MAX_RETRY', '5')
os.environ.setdefault('GDAL_HTTP_RETRY_DELAY', '1')
# MB of decoded pixels that a process keeps. GDAL's own 5 % of the machine's memory is too much for many workers.
os.environ.setdefault('GDAL_CACHEMAX', '512')

_handles: OrderedDict = OrderedDict()
_handles_lock = threading.Lock()


def _open(path: str):
    if not is_address(path) and not os.path.isfile(path):
        raise FileNotFoundError(f'The raster {path} does not exist; check data_root and data_prefix of the dataset.')
    try:
        with warnings.catch_warnings():
            # A PNG need not have a georeference; the dataset reports a missing GSD.
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            source = rasterio.open(path)
    except RasterioError as error:
        remedy = 'replace it by an intact copy or take it out of the dataset'
        remedy = 'check the address and the connection' if is_address(path) else remedy
        raise UserError(f'{path} cannot be read as a raster ({reason(error)}); {remedy}.') from error
    for file in source.files:  # including the sources of a VRT
        note_input(file)
    return source


def files_of(path: str) -> list[str]:
    """The files of a raster: itself, its side files, and recursively the sources of a VRT."""
    found, waiting = {}, [path]
    while waiting:
        name = waiting.pop()
        if name in found or not os.path.isfile(name):
            continue
        found[name] = None
        if name == path or name.lower().endswith('.vrt'):
            waiting += open_raster(name).files
    return list(found)


def open_raster(path: str):
    """Return an open handle of ``path``, kept among the most recently used.

    Handles are keyed by process and thread: a handle that a forked worker inherits shares its file position with
    the parent, and GDAL's handles are not thread-safe, so each worker and thread opens its own.

    Args:
        path (str): File name of a raster that rasterio can read.

    Returns:
        rasterio.DatasetReader: The open raster. Do not close it.

    Raises:
        FileNotFoundError: The file does not exist.
        UserError: The file is not a readable raster.
    """
    key = (os.getpid(), threading.get_ident(), path)
    with _handles_lock:
        handle = _handles.get(key)
        if handle is None:
            handle = _handles[key] = _open(path)
            if len(_handles) > MAX_OPEN_RASTERS:
                _handles.popitem(last=False)
        _handles.move_to_end(key)
    return handle


def forget_raster(path: str | os.PathLike) -> None:
    """Forget the open handles of one file after it has been replaced."""
    real = os.path.realpath(path)
    with _handles_lock:
        for key in [key for key in _handles if os.path.realpath(key[2]) == real]:
            del _handles[key]


def close_rasters() -> None:
    """Forget all open handles, e.g. before files are replaced."""
    with _handles_lock:
        _handles.clear()


def read_window(path: str, window: tuple[int, int, int, int], bands: tuple[int, ...] | int | None = None) -> np.ndarray:
    """Read one window of a raster and nothing else.

    Args:
        path (str): File name.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the raster.
        bands (tuple[int, ...] | int | None): Bands, counted from 1. None reads all.

    Returns:
        np.ndarray: (height, width, number of bands), or (height, width) if ``bands`` is one int; the file's dtype.

    Raises:
        UserError: The window leaves the raster, or the file's data cannot be decoded.
    """
    row, col, height, width = window
    source = open_raster(path)
    if row < 0 or col < 0 or row + height > source.height or col + width > source.width:
        raise UserError(
            f'The window (row, col, height, width) = {tuple(window)} leaves the raster {path} of '
            f'{source.height} x {source.width} px; give a window inside it.'
        )
    indexes = list(bands) if isinstance(bands, tuple | list) else bands
    try:
        data = source.read(indexes, window=Window(col, row, width, height))
    except RasterioError as error:
        raise UserError(
            f'The window (row, col, height, width) = {tuple(window)} of {path} cannot be read ({reason(error)}); '
            'replace the file by an intact copy or take it out of the dataset.'
        ) from error
    return data if data.ndim == 2 else _channels_last(data)


def _channels_last(data: np.ndarray) -> np.ndarray:
    """(bands, height, width) -> (height, width, bands).

    NumPy takes longer for this copy than GDAL for reading an uncompressed window; OpenCV is 10 to 30 times as fast.
    """
    if data.dtype.name in _OPENCV_TYPES and 1 < len(data) <= _OPENCV_BANDS and data.size:
        return cv2.merge(list(data))
    return np.ascontiguousarray(data.transpose(1, 2, 0))


def probe_raster(path: str, inside: tuple[str, ...] = ()) -> RasterInfo:
    """Read a raster's header, and refuse a truncated file.

    Damage that shows without decoding the whole file is found now, not in the middle of a run. The checks cover the end
    of PNG, JPEG and JPEG 2000 files, offsets and sizes of a GeoTIFF's blocks, and the last pixel of other files. They
    include the source files of a virtual raster (VRT).

    Args:
        path (str): File name.
        inside (tuple[str, ...]): The virtual rasters that contain it.

    Returns:
        RasterInfo: The header.

    Raises:
        FileNotFoundError: The file, or a file that it refers to, does not exist.
        UserError: The file is not a readable raster, is truncated, contains itself, or is rotated or mirrored for
            display.
    """
    # Bypass the cache: thousands of headers are read just once.
    with _open(path) as source:
        for part in vrt_sources(source, path):
            if not os.path.isfile(part):
                raise FileNotFoundError(
                    f'{path} refers to {part}, which does not exist; put the file there or take {path} out of the '
                    'dataset.'
                )
            if os.path.realpath(part) in map(os.path.realpath, (*inside, path)):
                raise UserError(
                    f'{path} refers to {part}, which is {path} itself or made of it; correct the virtual raster or '
                    'take it out of the dataset.'
                )
            probe_raster(part, (*inside, path))
        try:
            check_structure(source, path)
        except RasterioError as error:
            raise damaged(path, reason(error)) from error
        check_orientation(source, path)
        pixel, meanings = ground_pixel(source), tuple(meaning.name for meaning in source.colorinterp)
        return RasterInfo(
            path=path,
            height=source.height,
            width=source.width,
            count=source.count,
            dtype=source.dtypes[0],
            driver=source.driver,
            gsd=side_of_square(pixel),
            crs=source.crs.to_string() if source.crs else None,
            transform=tuple(source.transform)[:6],
            ground_pixel=pixel,
            map_pixel=map_pixel(source),
            control=control_of(source),
            local_unit=local_unit(source),
            meanings=meanings,
            names=band_names(meanings, source.descriptions),
        )


def check_rasters(paths: Sequence[str], whole: bool = False) -> None:
    """Decode rasters, so that damage is found before work begins; long checks report their progress.

    Args:
        paths (Sequence[str]): File names.
        whole (bool): True reads every file completely; False reads small files completely and three windows of large
            ones.

    Raises:
        UserError: A file is damaged.
    """
    progress = Progress(len(paths), 'rasters checked', log, seconds=60.0)
    with ThreadPoolExecutor(CHECKING_THREADS) as pool:
        checks = [pool.submit(check_raster, path, whole) for path in paths]
        try:
            for done, check in enumerate(checks, 1):
                check.result()
                progress.update(done)
        finally:
            pool.shutdown(cancel_futures=True)


def check_raster(path: str, whole: bool = False) -> None:
    """Decode one raster, see :func:`check_rasters`.

    Raises:
        UserError: It is damaged.
    """
    with _open(path) as source:
        for part in vrt_sources(source, path) if whole else ():
            check_raster(part, whole)
        try:
            check_pixels(source, path, windows_to_check(source.shape, whole))
        except RasterioError as error:
            raise damaged(path, reason(error)) from error
