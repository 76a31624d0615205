"""Where a raster lies on the ground, and how large its pixels are there."""

import math

from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_coordinates

# WGS84 ellipsoid: semi-major axis in metres, squared eccentricity.
_WGS84_A = 6378137.0
_WGS84_E2 = 6.69437999014e-3


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
