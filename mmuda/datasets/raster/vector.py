"""Reads the polygons of vector files."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType

import numpy as np

from mmuda.utils.errors import UserError
from mmuda.utils.inputs import note_input

VECTOR_SUFFIXES = ('.geojson', '.json', '.gpkg', '.shp', '.fgb')
"""Suffixes of vector files, in lower case."""

NO_VALUE = 'None'
"""Text of a value that is missing."""

_SIDE_FILES = ('.shx', '.dbf', '.prj', '.cpg')
# Formats without a spatial index are read once as a whole; of the others, only what lies on an image.
_READ_WHOLE = ('.geojson', '.json')
_POLYGON_TYPES = (3, 6)  # shapely's numbers of Polygon and MultiPolygon


@dataclass(frozen=True)
class Polygons:
    """Polygons in the order of their file.

    Attributes:
        shapes (np.ndarray): Geometries of shapely, (n,).
        values (np.ndarray): Text of each one's value, (n,).
        crs (str): Their coordinate reference system.
    """

    shapes: np.ndarray
    values: np.ndarray
    crs: str

    def meeting(self, box: tuple[float, float, float, float]) -> Polygons:
        """The polygons whose bounds meet a box, given by its least x and y and its greatest x and y."""
        import shapely

        left, low, right, high = shapely.bounds(self.shapes).T
        meet = (left <= box[2]) & (right >= box[0]) & (low <= box[3]) & (high >= box[1])
        return replace(self, shapes=self.shapes[meet], values=self.values[meet])


def is_vector(path: str) -> bool:
    """Whether a file is a vector file, by its suffix."""
    return path.lower().endswith(VECTOR_SUFFIXES)


def vector_files(path: str) -> list[str]:
    """A vector file and the files that belong to it."""
    beside = [os.path.splitext(path)[0] + suffix for suffix in _SIDE_FILES] if path.lower().endswith('.shp') else []
    return [path, *filter(os.path.isfile, beside)]


def vector_crs(path: str, layer: str | None = None) -> str:
    """The coordinate reference system of a vector file.

    Args:
        path (str): The file.
        layer (str | None): Its layer; None if it has only one.

    Raises:
        UserError: The file cannot be read, has several layers, or names no system.
    """
    return _header(path, file_version(path), layer)['crs']


def read_shapes(path: str, attribute: str | None, layer: str | None, bounds: tuple | None) -> Polygons:
    """The shapes of a vector file, without empty ones.

    Args:
        path (str): The file.
        attribute (str | None): Attribute whose values are read; None gives '' for each shape.
        layer (str | None): Layer; None if there is only one.
        bounds (tuple | None): Left, bottom, right and top of the part to read, in the file's system. Formats without a
            spatial index are read as a whole, once.

    Raises:
        UserError: As :func:`vector_crs`; the attribute is missing; or there are shapes that are not polygons.
    """
    if bounds is None or not path.lower().endswith(_READ_WHOLE):
        return _read(path, file_version(path), attribute, layer, bounds)
    return _read(path, file_version(path), attribute, layer, None).meeting(bounds)


@lru_cache(maxsize=64)
def _header(path: str, version: tuple, layer: str | None) -> dict:
    pyogrio = _pyogrio(path)
    try:
        layers = [name for name, _ in pyogrio.list_layers(path)]
        if layer is None and len(layers) != 1 or layer is not None and layer not in layers:
            raise UserError(
                f'{path} has the layers {", ".join(layers)}; set label_polygons=dict(layer=...) to one of them, or '
                'give a file with one layer'
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
def _read(path: str, version: tuple, attribute: str | None, layer: str | None, bounds: tuple | None) -> Polygons:
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
    other = ~np.isin(shapely.get_type_id(shapes), _POLYGON_TYPES) & ~shapely.is_missing(shapes)
    if other.any():
        raise UserError(
            f'{path} holds a {shapes[other][0].geom_type}, but labels and regions are polygons; draw a buffer of the '
            'real width around lines and points (in a GIS, or by buffer of shapely), or take them out'
        )
    # A spatial index returns them in its own order.
    order = np.argsort(numbers, kind='stable')
    order = order[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))[order]]
    return Polygons(shapely.force_2d(shapes[order]), values[order], header['crs'])


def _text(value: object) -> str:
    """A value as text: 1.0 is '1', since a column of whole numbers with gaps is read as one of floats."""
    if value is None or value != value:
        return NO_VALUE
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def file_version(path: str) -> tuple:
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
