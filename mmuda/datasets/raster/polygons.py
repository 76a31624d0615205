"""Reads labels from the polygons of a vector file, burnt onto the grid of an image window by window."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

import numpy as np
import rasterio.features
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform as transform_coordinates
from rasterio.warp import transform_bounds

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, apply_transform, has_transform
from mmuda.datasets.raster.reading import open_raster
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import note_input

VECTOR_SUFFIXES = ('.geojson', '.json', '.gpkg', '.shp', '.fgb')
"""Suffixes of vector files, in lower case."""

NO_VALUE = 'None'
"""Text of a value that is missing."""

_SIDE_FILES = ('.shx', '.dbf', '.prj', '.cpg')
# Formats without a spatial index are read once as a whole; of the others, only what lies on an image.
_READ_WHOLE = ('.geojson', '.json')
_POLYGONS = (3, 6)  # shapely's numbers of Polygon and MultiPolygon


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


@dataclass(frozen=True)
class _Polygons:
    """Polygons in the order of the file: (n,) shapely geometries, and the text of each one's value."""

    shapes: np.ndarray
    values: np.ndarray
    crs: str


def is_vector(path: str) -> bool:
    """Whether a file is a vector file, by its suffix."""
    return path.lower().endswith(VECTOR_SUFFIXES)


def vector_files(path: str) -> list[str]:
    """A vector file and the files that belong to it."""
    beside = [os.path.splitext(path)[0] + suffix for suffix in _SIDE_FILES] if path.lower().endswith('.shp') else []
    return [path, *filter(os.path.isfile, beside)]


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


def polygons_on(path: str, image: str, classes: PolygonClasses) -> tuple[_Polygons, object]:
    """The polygons whose bounds meet those of an image, in its pixels (x to the right, y down), and their search tree.

    Raises:
        UserError: The file cannot be read, or names no reference system, layer or attribute; it holds other shapes than
            polygons; the image has no georeference, or lies outside the area of the file's system.
    """
    return _polygons_on(path, _version(path), image, _version(image), classes.attribute, classes.layer)


@lru_cache(maxsize=256)
def _polygons_on(path, version, image, image_version, attribute, layer) -> tuple[_Polygons, object]:
    import shapely

    raster = open_raster(image)
    if not has_transform(raster) or not raster.crs:
        raise UserError(
            f'{image} has no georeference, so nothing tells where the polygons of {path} lie on it; give it a '
            'transform and a coordinate reference system, or burn the polygons into a raster of its size'
        )
    whole = path.lower().endswith(_READ_WHOLE)
    bounds = _bounds(raster, path, _header(path, version, layer)['crs'])
    found = _read(path, version, attribute, layer, None if whole else bounds)
    if whole:
        found = _take(found, _meet(shapely.bounds(found.shapes), bounds))
    other = ~np.isin(shapely.get_type_id(found.shapes), _POLYGONS)
    if other.any():
        raise UserError(
            f'{path} holds a {found.shapes[other][0].geom_type}, but labels are polygons; draw a buffer of the real '
            'width around lines and points (in a GIS, or by geometry.buffer of shapely), or take them out'
        )
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
    meet = _meet(shapely.bounds(shapes), (0, 0, raster.width, raster.height))
    found = _take(_Polygons(shapes, found.values, found.crs), meet)
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
            f'coordinate reference systems ({_header(path, _version(path), classes.layer)["crs"]} and '
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
    x, y = apply_transform(raster.transform, *np.array([(0, raster.width) * 2, (0, 0, raster.height, raster.height)]))
    left, bottom, right, top = x.min(), y.min(), x.max(), y.max()
    try:
        return transform_bounds(raster.crs, CRS.from_user_input(crs), left, bottom, right, top)
    except COORDINATE_ERRORS as error:
        raise UserError(f'{raster.name} cannot be projected into the system of {path} ({error})') from error


def _meet(boxes: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Which of the boxes (n, 4), given by their least and greatest x and y, meet another one."""
    left, low, right, high = boxes.T
    return (left <= box[2]) & (right >= box[0]) & (low <= box[3]) & (high >= box[1])


def _take(polygons: _Polygons, which: np.ndarray) -> _Polygons:
    return _Polygons(polygons.shapes[which], polygons.values[which], polygons.crs)


@lru_cache(maxsize=64)
def _header(path: str, version: tuple, layer: str | None) -> dict:
    pyogrio = _pyogrio(path)
    try:
        layers = [name for name, _ in pyogrio.list_layers(path)]
        if layer is None and len(layers) != 1 or layer is not None and layer not in layers:
            raise UserError(
                f'{path} has the layers {", ".join(layers)}; set label_polygons=dict(layer=...) to one of them'
            )
        header = pyogrio.read_info(path, layer=layer)
    except pyogrio.errors.DataSourceError as error:
        raise UserError(f'{path} cannot be read as a vector file ({error}); replace it by an intact copy') from error
    if header['crs'] is None:
        raise UserError(
            f'{path} names no coordinate reference system, so nothing tells where its polygons lie; add it (a '
            'shapefile has it in its .prj file)'
        )
    for file in vector_files(path):
        note_input(file)
    return header


@lru_cache(maxsize=8)
def _read(path: str, version: tuple, attribute: str | None, layer: str | None, bounds: tuple | None) -> _Polygons:
    import shapely

    pyogrio, header = _pyogrio(path), _header(path, version, layer)
    if attribute is not None and attribute not in header['fields']:
        raise UserError(
            f'{path} has no attribute {attribute!r}, but {", ".join(header["fields"])}; correct attribute of '
            'label_polygons'
        )
    columns = [] if attribute is None else [attribute]
    try:
        _, numbers, shapes, fields = pyogrio.raw.read(path, layer=layer, columns=columns, bbox=bounds, return_fids=True)
    except pyogrio.errors.DataSourceError as error:
        raise UserError(f'{path} cannot be read ({error}); replace it by an intact copy') from error
    values = np.array([_text(value) for value in fields[0].tolist()] if columns else [''] * len(shapes), dtype=object)
    shapes = shapely.from_wkb(shapes)
    # A spatial index returns them in its own order.
    order = np.argsort(numbers, kind='stable')
    order = order[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))[order]]
    return _Polygons(shapely.force_2d(shapes[order]), values[order], header['crs'])


def _text(value: object) -> str:
    """A value as text: 1.0 is '1', since a column of whole numbers with gaps is read as one of floats."""
    if value is None or value != value:
        return NO_VALUE
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _version(path: str) -> tuple:
    """What changes if a file is replaced; empty for what is no local file."""
    states = [os.stat(file) for file in vector_files(path) if os.path.isfile(file)]
    return tuple((state.st_mtime_ns, state.st_size, state.st_ino) for state in states)


def _pyogrio(path: str) -> ModuleType:
    try:
        import pyogrio
        import shapely  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{path} is a vector file; reading it needs the extra `vector`: python -m pip install -e '.[vector]'"
        ) from error
    return pyogrio
