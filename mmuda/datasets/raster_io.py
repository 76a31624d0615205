"""Rasters by windows: open handles, ground sample distance, errors that name the file; writing on their grids."""

import math
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import transform as transform_coordinates
from rasterio.windows import Window

MAX_OPEN_RASTERS = 64
"""Open handles a process keeps; each is a file descriptor."""

_handles: OrderedDict = OrderedDict()
_handles_lock = threading.Lock()

# WGS84 ellipsoid: semi-major axis in metres, squared eccentricity.
_WGS84_A = 6378137.0
_WGS84_E2 = 6.69437999014e-3


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
            return rasterio.open(path)
    except RasterioError as error:
        raise ValueError(
            f'{path} cannot be read as a raster ({error}); replace it by an intact copy or take it out of the dataset.'
        ) from error


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


def ground_sample_distance(source) -> float | None:
    """True ground metres a pixel at the raster's centre.

    A metre of a Mercator map (EPSG:3857) is cos(latitude) metres of ground, and a degree is a length that depends on
    the latitude: both are corrected. Other projected systems are taken at their word (UTM is off by at most 0.1 %).
    Where rows and columns differ, the geometric mean is given.

    Args:
        source (rasterio.DatasetReader): An open raster.

    Returns:
        float | None: Metres a pixel; None if the raster has no coordinate reference system.
    """
    if not source.crs:
        return None
    a, b, _, d, e, _ = tuple(source.transform)[:6]
    across, along = math.hypot(a, d), math.hypot(b, e)
    if source.crs.is_geographic:
        _, latitude = source.xy((source.height - 1) / 2, (source.width - 1) / 2)
        metres_lon, metres_lat = _metres_of_a_degree(latitude)
        across = math.hypot(a * metres_lon, d * metres_lat)
        along = math.hypot(b * metres_lon, e * metres_lat)
    else:
        metres = _unit_in_metres(source.crs)
        if source.crs.to_dict().get('proj') == 'merc' or source.crs.to_epsg() == 3857:
            metres *= math.cos(math.radians(_latitude_of_centre(source)))
        across, along = across * metres, along * metres
    return math.sqrt(across * along)


def _metres_of_a_degree(latitude: float) -> tuple[float, float]:
    """Length of a degree of longitude and of latitude on the WGS84 ellipsoid, in metres."""
    phi = math.radians(latitude)
    root = math.sqrt(1 - _WGS84_E2 * math.sin(phi) ** 2)
    normal = _WGS84_A / root
    meridional = _WGS84_A * (1 - _WGS84_E2) / root**3
    return math.radians(1) * normal * math.cos(phi), math.radians(1) * meridional


def _latitude_of_centre(source) -> float:
    x, y = source.xy((source.height - 1) / 2, (source.width - 1) / 2)
    _, latitudes = transform_coordinates(source.crs, 'EPSG:4326', [x], [y])
    return latitudes[0]


def _unit_in_metres(crs) -> float:
    try:
        return crs.linear_units_factor[1]
    except RasterioError:
        # A system without a named unit, e.g. a local one: metres are the convention.
        return 1.0


@contextmanager
def raster_like(path: str | os.PathLike, like: str, count: int, **profile) -> Iterator[rasterio.io.DatasetWriter]:
    """Open a GeoTIFF of uint8 with the size and place of another raster; it appears when the block ends, or not at all.

    Args:
        path: The file; its folder is made.
        like: Raster whose grid it has.
        count: Number of bands.
        **profile: Further creation options of rasterio.

    Yields:
        rasterio's writer. Only blocks that are being written are held in memory.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed name: what a killed process left behind is overwritten by the next one.
    temporary = path.with_name(f'.{path.name}.tmp')
    source = open_raster(like)
    profile.update(driver='GTiff', height=source.height, width=source.width, count=count, dtype='uint8')
    profile.update(compress='deflate', BIGTIFF='IF_SAFER')
    if source.crs or not source.transform.is_identity:
        profile.update(crs=source.crs, transform=source.transform)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            output = rasterio.open(temporary, 'w', **profile)
        with output:
            yield output
        with temporary.open('rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
