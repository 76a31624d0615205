"""Outlines of the regions of one strip of a class map, in pixels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely
from scipy import ndimage

_POLYGON = shapely.GeometryType.POLYGON


@dataclass(frozen=True)
class Pieces:
    """The parts of regions that lie in one strip.

    Attributes:
        shapes (np.ndarray): Polygons in pixels of the map, x to the right and y down, (n,).
        values (np.ndarray): Class of each, (n,) int.
        sums (np.ndarray): Sum of the confidence over its pixels, (n,) float; zeros without a confidence raster.
        counts (np.ndarray): Number of its pixels that have a confidence, (n,) int.
    """

    shapes: np.ndarray
    values: np.ndarray
    sums: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.shapes)


def trace(values: np.ndarray, wanted: np.ndarray, top: int, confidence: np.ndarray | None = None) -> Pieces:
    """Outlines of the 4-connected regions of equal value in a strip.

    Args:
        values (np.ndarray): Classes, (height, width), of a type that GDAL's polygoniser takes.
        wanted (np.ndarray): Pixels that are to be outlined, (height, width) bool.
        top (int): Row of the map at which the strip begins.
        confidence (np.ndarray | None): (height, width) float; NaN where there is none.

    Returns:
        Pieces: One for each region, with valid polygons.
    """
    coordinates, rings, polygons, classes = [], [], [], []
    for geometry, value in rasterio.features.shapes(values, mask=wanted, connectivity=4):
        coordinates += geometry['coordinates']
        polygons.append(len(geometry['coordinates']))
        classes.append(value)
    if not classes:
        return Pieces(np.empty(0, dtype=object), *(np.zeros(0, dtype=kind) for kind in (int, float, int)))
    rings = _ends([len(ring) for ring in coordinates])
    points = np.fromiter(_numbers(coordinates), dtype=float, count=2 * rings[-1]).reshape(-1, 2)
    points[:, 1] += top
    shapes = shapely.from_ragged_array(_POLYGON, points, (rings, _ends(polygons)))
    classes = np.asarray(classes, dtype=int)
    if confidence is None:
        return Pieces(shapes, classes, np.zeros(len(shapes)), np.zeros(len(shapes), dtype=int))
    return Pieces(shapes, classes, *_totals(values, wanted, confidence, shapes, classes, top))


def straightened(shapes: np.ndarray) -> np.ndarray:
    """Polygons without the points at which their outline does not turn, in normal form.

    Where strips have been joined, the border between them leaves such points. Without them, a region has one form,
    however the map was cut.

    Args:
        shapes (np.ndarray): Polygons with sides along rows and columns, and whole numbers as coordinates, (n,).
    """
    if not len(shapes):
        return shapes
    _, points, (rings, polygons) = shapely.to_ragged_array(shapes)
    starts, ends = rings[:-1], rings[1:]
    last = np.zeros(len(points), dtype=bool)
    last[ends - 1] = True
    step = np.sign(np.diff(points, axis=0, append=points[:1]))  # from each point to the next; of no use at ring ends
    before = np.roll(step, 1, axis=0)
    before[starts] = step[ends - 2]
    turns = (step != before).any(axis=1) & ~last
    number = np.add.reduceat(turns, starts)
    # The first point that is left closes the ring.
    first = np.searchsorted(np.flatnonzero(turns), starts)
    kept = points[turns]
    rings = _ends(number + 1)
    closed = np.empty((rings[-1], 2))
    is_end = np.zeros(rings[-1], dtype=bool)
    is_end[rings[1:] - 1] = True
    closed[~is_end], closed[is_end] = kept, kept[first]
    return shapely.normalize(shapely.from_ragged_array(_POLYGON, closed, (rings, polygons)))


def _totals(values, wanted, confidence, shapes, classes, top) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the confidence in each region, and the number of pixels that have one."""
    labels, number = np.zeros(values.shape, dtype=np.int32), 0
    for value in np.unique(classes):
        found, count = ndimage.label((values == value) & wanted)
        np.copyto(labels, found + number, where=found > 0)
        number += count
    known = np.isfinite(confidence)
    sums = np.bincount(labels.ravel(), np.where(known, confidence, 0).ravel(), number + 1)
    counts = np.bincount(labels[known], minlength=number + 1)
    rows, cols = _first_pixels(shapes)
    own = labels[rows - top, cols]
    return sums[own], counts[own]


def _first_pixels(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of one pixel in each polygon: the leftmost one of its top row."""
    points, owner = shapely.get_coordinates(shapely.get_exterior_ring(shapes), return_index=True)
    order = np.lexsort((points[:, 0], points[:, 1], owner))
    first = order[np.searchsorted(owner[order], np.arange(len(shapes)))]
    return points[first, 1].astype(int), points[first, 0].astype(int)


def _ends(lengths) -> np.ndarray:
    """Where parts begin that lie one after the other, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _numbers(rings):
    return itertools.chain.from_iterable(itertools.chain.from_iterable(rings))
