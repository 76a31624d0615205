"""Pixel scores of each region of a vector file."""

from __future__ import annotations

import numpy as np
import rasterio.features
from rasterio.transform import Affine

from mmuda.datasets.raster.polygons import PolygonClasses, polygons_on
from mmuda.datasets.raster.vector import vector_crs
from mmuda.maps.evaluation.pixels import PixelCounts
from mmuda.utils.errors import UserError

DEFAULT_ATTRIBUTE = 'name'


class RegionCounts:
    """Counts the pixels whose centres lie in each region; regions may overlap.

    Args:
        path (str): Vector file of polygons.
        grid (str): Raster whose pixels are counted.
        num_classes (int): Number of classes.
        attribute (str | None): Attribute that names a region; polygons of one name are one region. None takes ``name``
            if there is one, else numbers the polygons that lie on the grid from 1.

    Raises:
        UserError: The file cannot be read, lacks the attribute, or none of its polygons lies on the grid.
    """

    def __init__(self, path: str, grid: str, num_classes: int, attribute: str | None = None) -> None:
        if attribute is None and DEFAULT_ATTRIBUTE in _fields(path):
            attribute = DEFAULT_ATTRIBUTE
        polygons, self._tree = polygons_on(path, grid, PolygonClasses({}, 0, attribute))
        if not len(polygons.shapes):
            raise UserError(f'no region of {path} lies on {grid}; check that they show one place')
        self._shapes = polygons.shapes
        numbers = np.arange(1, len(polygons.shapes) + 1).astype(str)
        self._names = polygons.values if attribute else numbers.astype(object)
        self.counts = {name: PixelCounts(num_classes) for name in dict.fromkeys(self._names)}

    def add(self, predicted: np.ndarray, truth: np.ndarray, row: int) -> None:
        """Count a strip.

        Args:
            predicted (np.ndarray): Classes of the map, (H, W) uint8; 255 is ignored.
            truth (np.ndarray): Classes of the truth.
            row (int): First row of the strip.
        """
        import shapely  # of an extra that scores without regions do not need

        height, width = truth.shape
        hits = self._tree.query(shapely.box(0, row, width, row + height))
        for name in dict.fromkeys(self._names[np.sort(hits)]):
            shapes = self._shapes[hits[self._names[hits] == name]]
            bounds = shapely.total_bounds(shapes)
            left, right = max(0, int(np.floor(bounds[0]))), min(width, int(np.ceil(bounds[2])))
            if left >= right:
                continue
            inside = rasterio.features.rasterize(
                [(shape, 1) for shape in shapes],
                out_shape=(height, right - left),
                transform=Affine.translation(left, row),
                dtype='uint8',
            ).astype(bool)
            self.counts[name].add(predicted[:, left:right][inside], truth[:, left:right][inside])


def _fields(path: str) -> list[str]:
    vector_crs(path)  # refuses what cannot be read
    import pyogrio

    return list(pyogrio.read_info(path)['fields'])
