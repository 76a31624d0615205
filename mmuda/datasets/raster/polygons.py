"""Reads labels from the polygons of a vector file, burnt onto the grid of an image window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import rasterio.features
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform as transform_coordinates
from rasterio.warp import transform_bounds

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, apply_transform, extent_of, has_transform
from mmuda.datasets.raster.reading import open_raster
from mmuda.datasets.raster.vector import Polygons, file_version, read_shapes, vector_crs
from mmuda.utils.errors import UserError


@dataclass(frozen=True)
class PolygonClasses:
    """What the polygons of a vector file mean.

    Attributes:
        labels (Mapping[str, int]): Value of the attribute, as text, -> training label; 255 is ignored. Without an
            attribute, the label of every polygon has the key ``''``.
        background (int): Training label of ground that no polygon covers.
        attribute (str | None): Name of the attribute that tells the class; None if all polygons are of one class.
        all_touched (bool): False burns the pixels whose centre is inside a polygon, True all that it touches.
        layer (str | None): Layer of the file; None if it has only one.
    """

    labels: Mapping[str, int]
    background: int
    attribute: str | None = None
    all_touched: bool = False
    layer: str | None = None


INSIDE = PolygonClasses({'': 1}, background=0)
"""Burns 1 inside all polygons, and 0 elsewhere."""


def read_polygons(path: str, window: tuple[int, int, int, int], image: str, classes: PolygonClasses) -> np.ndarray:
    """Burn the polygons below a window of an image.

    Where polygons overlap, the later one of the file counts. All windows of an image agree, since the polygons are
    brought into its pixels once.

    Args:
        path (str): The vector file, in any coordinate reference system.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image.
        image (str): The image, which may be rotated.
        classes (PolygonClasses): What the polygons mean.

    Returns:
        np.ndarray: Training labels, (height, width) uint8; 255 is ignored.

    Raises:
        UserError: As :func:`polygons_on`, or a polygon has a value that is no class.
    """
    import shapely

    polygons, tree = polygons_on(path, image, classes)
    row, col, height, width = window
    hits = np.sort(tree.query(shapely.box(col, row, col + width, row + height)))
    if not len(hits):
        return np.full((height, width), classes.background, dtype=np.uint8)
    unknown = set(polygons.values[hits]) - set(classes.labels)
    if unknown:
        raise _unknown(path, classes, unknown)
    return rasterio.features.rasterize(
        [(polygons.shapes[hit], classes.labels[polygons.values[hit]]) for hit in hits],
        out_shape=(height, width),
        transform=Affine.translation(col, row),
        fill=classes.background,
        all_touched=classes.all_touched,
        dtype='uint8',
    )


def extent_in(path: str, window: tuple[int, int, int, int], image: str) -> tuple[int, int, int, int] | None:
    """The smallest part of a window that holds all that lies inside polygons; None if nothing does.

    Args:
        path (str): The vector file.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image.
        image (str): The image.

    Returns:
        tuple[int, int, int, int] | None: (row, col, height, width) in pixels of the image.
    """
    inside = read_polygons(path, window, image, INSIDE)
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    return int(window[0] + rows[0]), int(window[1] + cols[0]), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1


def polygons_on(path: str, image: str, classes: PolygonClasses) -> tuple[Polygons, object]:
    """The polygons whose bounds meet those of an image, in its pixels (x to the right, y down), and their search tree.

    Raises:
        UserError: The file cannot be read, or names no reference system, layer or attribute; it holds other shapes than
            polygons; the image has no georeference, or lies outside the area of the file's system.
    """
    return _polygons_on(path, file_version(path), image, file_version(image), classes.attribute, classes.layer)


@lru_cache(maxsize=256)
def _polygons_on(path, version, image, image_version, attribute, layer) -> tuple[Polygons, object]:
    import shapely

    raster = open_raster(image)
    if not has_transform(raster) or not raster.crs:
        raise UserError(
            f'{image} has no georeference, so nothing tells where the polygons of {path} lie on it; give it a '
            'transform and a coordinate reference system, or burn the polygons into a raster of its size'
        )
    bounds = _bounds(raster, path, vector_crs(path, layer))
    found = read_shapes(path, attribute, layer, bounds)
    source, here, inverse = CRS.from_user_input(found.crs), raster.crs, ~raster.transform

    def into_pixels(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        if source != here:
            x, y = (np.asarray(axis) for axis in transform_coordinates(source, here, x, y)[:2])
        return np.column_stack(apply_transform(inverse, x, y))

    try:
        shapes = shapely.transform(found.shapes, into_pixels)
    except COORDINATE_ERRORS as error:
        raise UserError(f'{path} ({found.crs}) cannot be projected into the system of {image} ({error})') from error
    found = Polygons(shapes, found.values, found.crs).meeting((0, 0, raster.width, raster.height))
    return found, shapely.STRtree(found.shapes)


def check_polygons(labels: Mapping[str, Sequence[str]], classes: PolygonClasses) -> list[str]:
    """Read vector files as training will.

    Args:
        labels (Mapping[str, Sequence[str]]): Vector file -> the images that it is the label of.
        classes (PolygonClasses): What the polygons mean.

    Returns:
        list[str]: Sentences on images without a polygon.

    Raises:
        UserError: As :func:`polygons_on`; a polygon has a value that is no class; or no image has a polygon.
    """
    empty, number = [], 0
    for path, images in labels.items():
        for image in images:
            polygons, _ = polygons_on(path, image, classes)
            unknown = set(polygons.values) - set(classes.labels)
            if unknown:
                raise _unknown(path, classes, unknown)
            number += 1
            if not len(polygons.shapes):
                empty.append((image, path))
    if not empty:
        return []
    image, path = empty[0]
    if len(empty) == number:
        raise UserError(
            f'no polygon of {path} lies on {image}{f", nor on {number - 1} others" if number > 1 else ""}; check the '
            f'coordinate reference systems ({vector_crs(path, classes.layer)} and '
            f'{open_raster(image).crs}) and that these files belong together'
        )
    return [
        f'{image}{f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""} has no polygon in {path}: all of it '
        'counts as ground without polygons; take it out if nobody labelled it'
    ]


def _unknown(path: str, classes: PolygonClasses, unknown: set[str]) -> UserError:
    told, known = ', '.join(sorted(unknown)[:8]), ', '.join(classes.labels)
    return UserError(
        f'{path} holds polygons with {classes.attribute}={told}, but only {known} are known; name a class or None, '
        f'which ignores them, for each value: label_polygons=dict(attribute={classes.attribute!r}, classes={{value: '
        'class, ...})'
    )


def _bounds(raster, path: str, crs: str) -> tuple[float, float, float, float]:
    """Extent of an image in the system of a vector file."""
    try:
        return transform_bounds(raster.crs, CRS.from_user_input(crs), *extent_of(raster))
    except COORDINATE_ERRORS as error:
        raise UserError(f'{raster.name} cannot be projected into the system of {path} ({error})') from error
