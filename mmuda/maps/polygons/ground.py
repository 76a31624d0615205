"""Polygons in pixels, in the map's coordinates and in metres on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform as transform_coordinates

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, apply_transform, has_transform, unit_of
from mmuda.datasets.raster.info import MAP_TOLERANCE, RasterInfo
from mmuda.datasets.raster.reading import open_raster
from mmuda.utils.errors import UserError

WGS84 = CRS.from_epsg(4326)
# A straight side of this many pixels stays within a hundredth of a pixel of the curve that another projection makes of
# it; longer ones get points in between.
_SIDE = 256
_OFF_EARTH = 90.001


@dataclass(frozen=True)
class Ground:
    """How the pixels of a map lie on the ground.

    Attributes:
        path (str): The map.
        transform (Affine): From pixels to the map's coordinates.
        crs (CRS | None): Of the map; None if its place on Earth is unknown.
        unit (float): Metres of ground of one unit of the map; counts unless ``equal_area`` is set.
        equal_area (CRS | None): An equal-area projection in metres around the map's centre, for a map in degrees or
            in a projection whose scale is wrong there, such as web Mercator.
    """

    path: str
    transform: Affine
    crs: CRS | None
    unit: float = 1.0
    equal_area: CRS | None = None

    def to_map(self, shapes: np.ndarray) -> np.ndarray:
        """Polygons in pixels -> in the map's coordinates."""
        return shapely.transform(shapes, self._of_pixels)

    def to_metres(self, shapes: np.ndarray) -> np.ndarray:
        """Polygons in the map's coordinates -> in metres on the ground, in a plane that keeps areas."""
        if self.equal_area is None:
            return shapely.transform(shapes, self._scaled)
        return self._projected(self._with_short_sides(shapes), self.crs, self.equal_area)

    def from_metres(self, shapes: np.ndarray) -> np.ndarray:
        """The reverse of :meth:`to_metres`."""
        if self.equal_area is None:
            return shapely.transform(shapes, self._unscaled)
        return self._projected(shapes, self.equal_area, self.crs)

    def to_wgs84(self, shapes: np.ndarray) -> np.ndarray:
        """Polygons in the map's coordinates -> in degrees of longitude and latitude."""
        if self.crs == WGS84:
            return shapes
        return self._projected(self._with_short_sides(shapes), self.crs, WGS84)

    def areas(self, shapes: np.ndarray) -> np.ndarray:
        """Areas of polygons in pixels, in square metres of ground, (n,)."""
        if self.equal_area is None:
            return shapely.area(shapes) * abs(self.transform.determinant) * self.unit**2
        return shapely.area(self.to_metres(self.to_map(shapes)))

    def _of_pixels(self, points: np.ndarray) -> np.ndarray:
        return np.column_stack(apply_transform(self.transform, *points.T))

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return points * self.unit

    def _unscaled(self, points: np.ndarray) -> np.ndarray:
        return points / self.unit

    def _with_short_sides(self, shapes: np.ndarray) -> np.ndarray:
        return shapely.segmentize(shapes, _SIDE * abs(self.transform.determinant) ** 0.5)

    def _projected(self, shapes: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
        def moved(points: np.ndarray) -> np.ndarray:
            return np.column_stack(transform_coordinates(source, target, *points.T)[:2]) if len(points) else points

        try:
            found = shapely.transform(shapes, moved)
        except COORDINATE_ERRORS as error:
            raise _unplaced(self.path, self.crs) from error
        if not np.isfinite(shapely.get_coordinates(found)).all():
            raise _unplaced(self.path, self.crs)
        return found


def ground_of(info: RasterInfo) -> tuple[Ground, str | None]:
    """How the pixels of a map lie on the ground, and a sentence if that is not known.

    A map in metres or feet whose scale is true within ``MAP_TOLERANCE`` at its centre, as in UTM, is measured in its
    own coordinates. Others are measured in an equal-area projection around their centre.

    Args:
        info (RasterInfo): Its header.

    Raises:
        UserError: The map's coordinates lie outside the area of its reference system.
    """
    source = open_raster(info.path)
    crs, transform = source.crs or None, source.transform
    if not has_transform(source):
        control = f'; its {info.control} are not used, so warp it first (gdalwarp)' if info.control else ''
        return Ground(info.path, Affine.identity(), None), (
            f'{info.path} has no georeference: coordinates are columns and rows, areas are in pixels{control}'
        )
    if crs is None:
        return Ground(info.path, transform, None), (
            f'{info.path} names no coordinate reference system: coordinates are those of its transform, and areas are '
            'in its units, taken as metres'
        )
    if info.map_pixel is not None:
        pairs = zip(info.map_pixel, info.ground_pixel or info.map_pixel, strict=True)
        if max(abs(own / true - 1) for own, true in pairs) < MAP_TOLERANCE:
            return Ground(info.path, transform, crs, unit_of(crs)[1]), None
    x, y = apply_transform(transform, np.array([info.width / 2]), np.array([info.height / 2]))
    try:
        (longitude,), (latitude,) = transform_coordinates(crs, WGS84, x, y)[:2]
    except COORDINATE_ERRORS as error:
        raise _unplaced(info.path, crs) from error
    if not np.isfinite([longitude, latitude]).all() or abs(latitude) > _OFF_EARTH or abs(longitude) > 720:
        raise _unplaced(info.path, crs)
    around = CRS.from_proj4(f'+proj=laea +lat_0={latitude:.9f} +lon_0={longitude:.9f} +datum=WGS84 +units=m')
    return Ground(info.path, transform, crs, equal_area=around), None


def _unplaced(path: str, crs: CRS) -> UserError:
    return UserError(
        f'{path} lies outside the area of its coordinate reference system {crs.to_string()}; give it the system that '
        'its coordinates are in (gdal_edit.py -a_srs)'
    )
