"""The position of a raster on the ground, and the size of its pixels there."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError, TransformError
from rasterio.transform import GCPTransformer, RPCTransformer
from rasterio.warp import transform as transform_coordinates

COORDINATE_ERRORS = (RasterioError, CRSError, TransformError, CPLE_BaseError)
"""Errors that rasterio raises when coordinates cannot be transformed, including PROJ's own."""

SQUARE_TOLERANCE = 0.01
"""Pixels whose sides differ by less than this share count as square."""

# WGS84 ellipsoid: semi-major axis in metres, squared eccentricity.
_WGS84_A = 6378137.0
_WGS84_E2 = 6.69437999014e-3
# Half the number of pixels over which a size is measured. The effect of rounding is below 1e-7 even at centimetres per
# pixel, as is that of the Earth's curvature at a kilometre per pixel.
_REACH = 4.0
# Control points that miss the fitted surface by more than this share of the diagonal give no pixel size.
_MAX_MISFIT = 0.01
_UNIT = re.compile(r'UNIT\["([^"]*)",\s*([-+.\dEe]+)')

Locator = Callable[[Sequence[float], Sequence[float]], tuple[np.ndarray, np.ndarray]]


def ground_pixel(source) -> tuple[float, float] | None:
    """Height and width of the pixel at a raster's centre, in true metres of ground.

    The neighbours of the centre are converted to longitude and latitude and measured on the WGS84 ellipsoid. This
    corrects every projection's scale: a metre of EPSG:3857 is cos(latitude) metres of ground, a degree of longitude is
    half a degree of latitude at 60 degrees north. A local (engineering) system has no place on Earth, so its own unit
    is used. Without a geotransform, the size comes from the ground control points or the RPCs (at their mean height).

    Args:
        source (rasterio.DatasetReader): An open raster.

    Returns:
        tuple[float, float] | None: (height, width) in metres; None if unknown.
    """
    if has_transform(source):
        return _measure(source, _by_transform(source.transform), source.crs, _REACH) if source.crs else None
    return _pixel_by_control(source)


def ground_sample_distance(source) -> float | None:
    """True ground metres per pixel at the raster's centre: the side of a square with the pixel's area.

    Args:
        source (rasterio.DatasetReader): An open raster.

    Returns:
        float | None: Metres per pixel; None if unknown. See :func:`ground_pixel`.
    """
    return side_of_square(ground_pixel(source))


def map_pixel(source) -> tuple[float, float] | None:
    """Height and width of a pixel in map metres, without correction for the projection's scale; None in degrees.

    Args:
        source (rasterio.DatasetReader): An open raster.
    """
    if not source.crs or not has_transform(source) or source.crs.is_geographic:
        return None
    _, metres = unit_of(source.crs)
    a, b, _, d, e, _ = tuple(source.transform)[:6]
    return float(np.hypot(b, e)) * metres, float(np.hypot(a, d)) * metres


def side_of_square(pixel: tuple[float, float] | None) -> float | None:
    """Side of the square that has the area of a pixel (height, width); None stays None."""
    return None if pixel is None else float(np.sqrt(pixel[0] * pixel[1]))


def is_square(pixel: tuple[float, float]) -> bool:
    """Whether a pixel (height, width) is square within ``SQUARE_TOLERANCE``."""
    return abs(pixel[0] / pixel[1] - 1) < SQUARE_TOLERANCE


def has_transform(source) -> bool:
    """Whether a raster has a geotransform; rasterio returns the identity if there is none."""
    return not source.transform.is_identity


def apply_transform(transform, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move points by an affine transform.

    Args:
        transform (affine.Affine): The transform.
        x (np.ndarray): First coordinates of the points, (n,).
        y (np.ndarray): Second ones, (n,).
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


def extent_of(source) -> tuple[float, float, float, float]:
    """Least x and y, and greatest x and y, of the corners of a raster, which may be rotated, in its own system."""
    corners = np.array([(0, source.width) * 2, (0, 0, source.height, source.height)])
    x, y = apply_transform(source.transform, *corners)
    return x.min(), y.min(), x.max(), y.max()


def control_of(source) -> str | None:
    """What georeferences a raster without a geotransform: ``'ground control points'``, ``'RPCs'``, or None."""
    if has_transform(source):
        return None
    if source.gcps[0]:
        return 'ground control points'
    return 'RPCs' if source.rpcs else None


def georeference(source) -> dict:
    """Creation options of rasterio that give a new raster the georeference of ``source``.

    Args:
        source (rasterio.DatasetReader): An open raster.

    Returns:
        dict: ``crs`` and ``transform``, or ``gcps`` with their ``crs``, and ``rpcs``, as far as they exist.
    """
    options = {}
    if has_transform(source) or source.crs:
        options.update(crs=source.crs, transform=source.transform)
    elif source.gcps[0]:
        # rasterio writes no points without a coordinate system, but accepts an empty one.
        options.update(gcps=source.gcps[0], crs=source.gcps[1] or CRS())
    if source.rpcs:
        options['rpcs'] = source.rpcs
    return options


def unit_of(crs) -> tuple[str, float]:
    """Name of a system's unit of length, and its size in metres.

    Args:
        crs (rasterio.crs.CRS): Any system that is not in degrees.
    """
    try:
        name, metres = crs.linear_units_factor
        return name, float(metres)
    except COORDINATE_ERRORS:
        # rasterio does not give the unit of a local system, but its WKT does.
        units = _UNIT.findall(crs.to_wkt())
    return (units[-1][0], float(units[-1][1])) if units else ('metre', 1.0)


def local_unit(source) -> str | None:
    """Unit of a raster in a local (engineering) system, the only source of its pixel size; else None.

    If the file gives none, GDAL assumes the metre.

    Args:
        source (rasterio.DatasetReader): An open raster.
    """
    crs = source.crs
    local = bool(crs) and has_transform(source) and not crs.is_geographic and not crs.is_projected
    return unit_of(crs)[0] if local else None


def _by_transform(transform) -> Locator:
    a, b, c, d, e, f = tuple(transform)[:6]

    def locate(rows, cols):
        rows, cols = np.asarray(rows, dtype=float), np.asarray(cols, dtype=float)
        return a * cols + b * rows + c, d * cols + e * rows + f

    return locate


def _pixel_by_control(source) -> tuple[float, float] | None:
    # With control points, measure over half the raster: points are noisy, and the inverse of RPCs is iterative.
    reach = max(source.shape) / 4
    points, crs = source.gcps
    try:
        if points and crs:
            with GCPTransformer(points) as transformer:
                if _misfit(transformer, points) > _MAX_MISFIT:
                    return None
                return _measure(source, _by_transformer(transformer), crs, reach)
        if source.rpcs:
            options = dict(RPC_PIXEL_ERROR_THRESHOLD=1e-4, RPC_HEIGHT=source.rpcs.height_off)
            with RPCTransformer(source.rpcs, **options) as transformer:
                return _measure(source, _by_transformer(transformer), CRS.from_epsg(4326), reach)
    except COORDINATE_ERRORS:
        # E.g. too few points, which is the same as none.
        return None
    return None


def _by_transformer(transformer) -> Locator:
    return lambda rows, cols: transformer.xy(list(rows), list(cols), offset='ul')


def _misfit(transformer, points) -> float:
    """Root mean square distance of control points from where they should be, as a share of their extent."""
    wanted = np.array([(point.x, point.y) for point in points])
    found = np.column_stack(_by_transformer(transformer)([p.row for p in points], [p.col for p in points]))
    return float(np.sqrt(((found - wanted) ** 2).sum(axis=1).mean()) / np.hypot(*np.ptp(wanted, axis=0)))


def _measure(source, locate: Locator, crs, reach: float) -> tuple[float, float] | None:
    """Size of a pixel at the centre, measured between points ``reach`` pixels away on both sides, within the raster."""
    row, col = source.height / 2, source.width / 2
    up, across = (min(reach, side / 2) for side in source.shape)
    xs, ys = locate([row - up, row + up, row, row], [col, col, col - across, col + across])
    points = _on_ellipsoid(xs, ys, crs)
    if points is None:
        if crs.is_geographic:
            return None
        points = np.column_stack([xs, ys]) * unit_of(crs)[1]
    height = np.linalg.norm(points[1] - points[0]) / (2 * up)
    width = np.linalg.norm(points[3] - points[2]) / (2 * across)
    return (float(height), float(width)) if height > 0 and width > 0 else None


def _on_ellipsoid(xs: Sequence[float], ys: Sequence[float], crs) -> np.ndarray | None:
    """Geocentric coordinates (n, 3) in metres, which have no seam and no pole; None off the Earth."""
    try:
        longitude, latitude = transform_coordinates(crs, 'EPSG:4326', list(xs), list(ys))
    except COORDINATE_ERRORS:
        return None
    # Degrees pass through unchecked: a raster in metres that claims to be in degrees is off the Earth.
    if not np.isfinite([longitude, latitude]).all() or np.abs(latitude).max() > 90.001 or np.abs(longitude).max() > 720:
        return None
    lam, phi = np.radians(longitude), np.radians(latitude)
    normal = _WGS84_A / np.sqrt(1 - _WGS84_E2 * np.sin(phi) ** 2)
    flat = normal * np.cos(phi)
    return np.column_stack([flat * np.cos(lam), flat * np.sin(lam), normal * (1 - _WGS84_E2) * np.sin(phi)])
