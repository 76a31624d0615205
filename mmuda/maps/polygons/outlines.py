"""Holes filled, outlines simplified: what is done to each polygon by itself."""

from __future__ import annotations

import numpy as np
import shapely

from mmuda.maps.polygons.ground import Ground

# Tolerances, as shares of the one asked for, that are tried until the outline is valid.
_GENTLER = (1.0, 0.5, 0.25, 0.125)


def without_small_holes(shapes: np.ndarray, ground: Ground, min_hole: float) -> np.ndarray:
    """Fill the holes that are smaller than ``min_hole``.

    Args:
        shapes (np.ndarray): Polygons in pixels, (n,).
        ground (Ground): Size of the pixels.
        min_hole (float): In square metres.
    """
    filled = shapes.copy()
    for index in np.flatnonzero(shapely.get_num_interior_rings(shapes)):
        holes = np.array(shapes[index].interiors, dtype=object)
        kept = ground.areas(shapely.polygons(holes)) >= min_hole * (1 - 1e-9)
        if not kept.all():
            filled[index] = shapely.Polygon(shapes[index].exterior, list(holes[kept]))
    return shapely.normalize(filled)


def simplified(shapes: np.ndarray, tolerance: float) -> np.ndarray:
    """Simplify each polygon by Douglas-Peucker, so that it stays valid.

    Neighbours are simplified independently of each other, so that gaps and overlaps up to ``tolerance`` may arise
    between them.

    Args:
        shapes (np.ndarray): Polygons in metres, (n,).
        tolerance (float): Greatest distance in metres between the old and the new outline. Where it gives an invalid
            polygon, smaller ones are tried; at last the outline stays as it is.
    """
    found = shapes.copy()
    left = np.ones(len(shapes), dtype=bool)
    for share in _GENTLER:
        tried = shapely.simplify(shapes[left], tolerance * share, preserve_topology=True)
        good = is_polygon(tried)
        where = np.flatnonzero(left)[good]
        found[where], left[where] = tried[good], False
    return found


def is_polygon(shapes: np.ndarray) -> np.ndarray:
    """Which shapes are valid polygons that have an area, (n,) bool."""
    return (
        (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON) & shapely.is_valid(shapes)
        & ~shapely.is_empty(shapes)
    )  # fmt: skip
