"""Rasters by windows: open handles, headers, errors that name the file."""

import os
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from mmuda.datasets.raster_geometry import ground_sample_distance
from mmuda.utils.inputs import note_input

MAX_OPEN_RASTERS = 64
"""Open handles a process keeps; each is a file descriptor."""

_handles: OrderedDict = OrderedDict()
_handles_lock = threading.Lock()


@dataclass(frozen=True)
class RasterInfo:
    """What a raster's header says.

    Attributes:
        path (str): File name.
        height (int): Rows, in pixels.
        width (int): Columns, in pixels.
        count (int): Number of bands.
        dtype (str): Data type of the first band.
        driver (str): GDAL's short name of the format.
        gsd (float | None): True ground metres a pixel at the raster's centre; None without a georeference.
        crs (str | None): Coordinate reference system, e.g. ``EPSG:3857``.
        transform (tuple[float, ...]): The six affine coefficients (a, b, c, d, e, f).
    """

    path: str
    height: int
    width: int
    count: int
    dtype: str
    driver: str
    gsd: float | None
    crs: str | None
    transform: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) in pixels."""
        return self.height, self.width


def _open(path: str):
    if not os.path.isfile(path):
        raise FileNotFoundError(f'The raster {path} does not exist; check data_root and data_prefix of the dataset.')
    try:
        with warnings.catch_warnings():
            # A missing georeference is no fault of a PNG; a missing GSD is reported by the dataset.
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            source = rasterio.open(path)
    except RasterioError as error:
        raise ValueError(
            f'{path} cannot be read as a raster ({error}); replace it by an intact copy or take it out of the dataset.'
        ) from error
    for file in source.files:  # sources of a VRT among them
        note_input(file)
    return source


def files_of(path: str) -> list[str]:
    """The files that a raster consists of: itself, what lies beside it, and a VRT's sources, theirs included."""
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
        path (str): File name of a raster that rasterio reads.

    Returns:
        rasterio.DatasetReader: The open raster. Do not close it.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is no readable raster.
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
    """Forget the open handles of one file, which has been replaced."""
    real = os.path.realpath(path)
    with _handles_lock:
        for key in [key for key in _handles if os.path.realpath(key[2]) == real]:
            del _handles[key]


def close_rasters() -> None:
    """Forget all open handles, e.g. before files are replaced."""
    with _handles_lock:
        _handles.clear()


def read_window(path: str, window: tuple[int, int, int, int], bands: tuple[int, ...] | int | None = None) -> np.ndarray:
    """Read one window of a raster, and nothing else of it.

    Args:
        path (str): File name.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the raster.
        bands (tuple[int, ...] | int | None): Bands, counted from 1. None reads all.

    Returns:
        np.ndarray: (height, width, number of bands), or (height, width) if ``bands`` is one int; the file's dtype.

    Raises:
        ValueError: The window leaves the raster, or the file's data cannot be decoded.
    """
    row, col, height, width = window
    source = open_raster(path)
    if row < 0 or col < 0 or row + height > source.height or col + width > source.width:
        raise ValueError(
            f'The window (row, col, height, width) = {tuple(window)} leaves the raster {path} of '
            f'{source.height} x {source.width} px; give a window inside it.'
        )
    indexes = list(bands) if isinstance(bands, tuple | list) else bands
    try:
        data = source.read(indexes, window=Window(col, row, width, height))
    except RasterioError as error:
        raise ValueError(
            f'The window (row, col, height, width) = {tuple(window)} of {path} cannot be read ({error}); '
            'replace the file by an intact copy or take it out of the dataset.'
        ) from error
    return data if data.ndim == 2 else np.ascontiguousarray(data.transpose(1, 2, 0))


def probe_raster(path: str) -> RasterInfo:
    """Read a raster's header.

    For GeoTIFF the last block is decoded too, so that a truncated file is found now and not in the middle of a run.

    Args:
        path (str): File name.

    Returns:
        RasterInfo: The header.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is no readable raster.
    """
    # Not through the cache: thousands of headers are read once.
    with _open(path) as source:
        if source.driver == 'GTiff':
            try:
                source.read(1, window=Window(source.width - 1, source.height - 1, 1, 1))
            except RasterioError as error:
                raise ValueError(
                    f'{path} is damaged or cut short ({error}); replace it by an intact copy or take it out of the '
                    'dataset.'
                ) from error
        return RasterInfo(
            path=path,
            height=source.height,
            width=source.width,
            count=source.count,
            dtype=source.dtypes[0],
            driver=source.driver,
            gsd=ground_sample_distance(source),
            crs=source.crs.to_string() if source.crs else None,
            transform=tuple(source.transform)[:6],
        )
