"""The objects of one class in a raster that is read strip by strip."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import rasterio.features
from rasterio.transform import Affine
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mmuda.datasets.raster.polygons import PolygonClasses, polygons_on


class Objects(Protocol):
    """Gives the pixels of a strip the numbers of their objects."""

    def number(self, mask: np.ndarray, row: int) -> np.ndarray:
        """Numbers of the objects in a strip.

        Args:
            mask: Where the class is, (H, W) bool.
            row: First row of the strip in the raster; strips come from top to bottom, without gaps.

        Returns:
            (H, W) of integers; 0 where there is no object. :meth:`merged` says which numbers are one object.
        """

    def merged(self) -> np.ndarray:
        """The object, counted from 1, of each number that was given; 0 for 0."""


class Components:
    """Connected regions: pixels that touch by their sides, also across strips, are one object."""

    def __init__(self) -> None:
        self._count = 0
        self._last: np.ndarray | None = None
        self._joins: list[np.ndarray] = [np.zeros((0, 2), dtype=np.int64)]

    def number(self, mask: np.ndarray, row: int) -> np.ndarray:
        """Numbers of the regions in a strip, see :class:`Objects`."""
        found, count = ndimage.label(mask)
        numbers = found.astype(np.int64)
        numbers[mask] += self._count
        if self._last is not None:
            touch = (self._last > 0) & (numbers[0] > 0)
            self._joins.append(np.unique(np.stack([self._last[touch], numbers[0][touch]], axis=1), axis=0))
        self._last = numbers[-1].copy()
        self._count += count
        return numbers

    def merged(self) -> np.ndarray:
        """The region of each number, see :class:`Objects`."""
        joins = np.concatenate(self._joins) - 1
        graph = coo_array((np.ones(len(joins), dtype=bool), joins.T), shape=(self._count, self._count))
        _, groups = connected_components(graph, directed=False)
        return np.concatenate([[0], groups.astype(np.int64) + 1])


class PolygonObjects:
    """The polygons of a vector file, each one object, even where two touch; the later one counts where they overlap.

    Args:
        path (str): The vector file.
        grid (str): Raster whose pixels are counted.
        classes (PolygonClasses): What the polygons mean.
    """

    def __init__(self, path: str, grid: str, classes: PolygonClasses) -> None:
        polygons, self._tree = polygons_on(path, grid, classes)
        self._shapes, self._all_touched = polygons.shapes, classes.all_touched

    def number(self, mask: np.ndarray, row: int) -> np.ndarray:
        """Numbers of the polygons in a strip, see :class:`Objects`."""
        import shapely  # of an extra that rasters alone do not need

        height, width = mask.shape
        hits = np.sort(self._tree.query(shapely.box(0, row, width, row + height)))
        if not len(hits):
            return np.zeros(mask.shape, dtype=np.int32)
        burnt = rasterio.features.rasterize(
            [(self._shapes[hit], int(hit) + 1) for hit in hits],
            out_shape=mask.shape,
            transform=Affine.translation(0, row),
            all_touched=self._all_touched,
            dtype='int32',
        )
        burnt[~mask] = 0  # also polygons of other classes
        return burnt

    def merged(self) -> np.ndarray:
        """The polygon of each number, see :class:`Objects`."""
        return np.arange(len(self._shapes) + 1)
