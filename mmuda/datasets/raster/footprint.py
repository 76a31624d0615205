"""The outline of a raster on the Earth."""

from __future__ import annotations

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform as transform_coordinates

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, apply_transform
from mmuda.datasets.raster.info import RasterInfo


def footprint(raster: RasterInfo) -> np.ndarray | None:
    """Corners of a raster in longitude and latitude.

    Args:
        raster: Its header.

    Returns:
        (4, 2) degrees, around the raster; None without a georeference on the Earth.
    """
    if not raster.placed or not raster.crs:
        return None
    columns = np.array([0.0, raster.width, raster.width, 0.0])
    rows = np.array([0.0, 0.0, raster.height, raster.height])
    x, y = apply_transform(raster.transform, columns, rows)
    try:
        corners = np.array(transform_coordinates(CRS.from_user_input(raster.crs), 'EPSG:4326', list(x), list(y)))
    except COORDINATE_ERRORS:
        return None
    return corners.T if np.isfinite(corners).all() else None
