"""Footprints from GeoJSON, as classes on the grid of a web map."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import rasterio
from rasterio.features import is_valid_geom, rasterize
from rasterio.transform import array_bounds
from rasterio.warp import transform_geom

from mmuda.converters.slippy.grid import CRS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

GEOJSON_CRS = 'EPSG:4326'
POLYGONS = ('Polygon', 'MultiPolygon')
OTHERS = '*'
"""Key of a mapping for all values that it does not name."""


@dataclass(frozen=True)
class Footprints:
    """Polygons in metres of the map, with their classes, in the order of the file.

    Attributes:
        shapes: (GeoJSON geometry, class index).
        bounds: West, south, east and north of each, (number, 4).
        others: Number of features that are no polygons, or broken ones, and were left out.
    """

    shapes: Sequence[tuple[dict, int]]
    bounds: np.ndarray = field(repr=False)
    others: int = 0

    def touching(self, west: float, south: float, east: float, north: float) -> list[tuple[dict, int]]:
        """Those whose bounds touch an area."""
        left, bottom, right, top = self.bounds.T
        near = (left < east) & (right > west) & (bottom < north) & (top > south)
        return [self.shapes[place] for place in np.flatnonzero(near)]


def read_footprints(
    path: str | os.PathLike, attribute: str | None = None, classes: Mapping[str, int] | None = None
) -> Footprints:
    """Read polygons and multipolygons, with holes, from a GeoJSON file in longitude and latitude.

    Args:
        path: The file.
        attribute: Property of a feature that says its class; None gives all features the class 1.
        classes: Value of the attribute, as text -> class index, or 255 for what is ignored; ``'*'`` stands for all
            others. Features without the attribute count as the value ``''``.

    Returns:
        The footprints.

    Raises:
        UserError: The file is no GeoJSON, is in other coordinates, holds no polygon, or a value has no class.
    """
    try:
        with open(path, encoding='utf-8-sig') as file:
            content = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f'{path} is no GeoJSON ({error}); export the footprints as GeoJSON') from error
    features = _features(content, path)
    _check_crs(content, path)
    chosen = [feature for feature in features if _is_polygon(feature.get('geometry'))]
    if not chosen:
        raise UserError(f'{path} holds {len(features)} features, but no Polygon or MultiPolygon; export the footprints')
    indices = [1] * len(chosen) if attribute is None else _classes(chosen, attribute, classes or {}, path)
    geometries = [feature['geometry'] for feature in chosen]
    bounds = _bounds(geometries, path)
    if (np.abs(bounds) > (180, 90, 180, 90)).any():
        raise UserError(
            f'{path} has coordinates beyond 180 and 90 degrees; write it in longitude and latitude (EPSG:4326)'
        )
    moved = transform_geom(GEOJSON_CRS, CRS, geometries)
    return Footprints(list(zip(moved, indices, strict=True)), _bounds(moved, path), len(features) - len(chosen))


def rasterized(footprints: Footprints, transform: rasterio.Affine, height: int, width: int) -> np.ndarray:
    """Classes of pixels: that of the last footprint that holds a pixel's centre, else 0.

    Args:
        footprints: The footprints.
        transform: Georeference of the pixels in metres of the map.
        height: Number of rows.
        width: Number of columns.

    Returns:
        (height, width) uint8.
    """
    shapes = footprints.touching(*array_bounds(height, width, transform))
    if not shapes:
        return np.zeros((height, width), dtype=np.uint8)
    return rasterize(shapes, (height, width), transform=transform, fill=0, dtype='uint8')


def _is_polygon(geometry: object) -> bool:
    return isinstance(geometry, dict) and geometry.get('type') in POLYGONS and is_valid_geom(geometry)


def _features(content: object, path: str | os.PathLike) -> list[dict]:
    kind = content.get('type') if isinstance(content, dict) else None
    if kind == 'FeatureCollection' and isinstance(content.get('features'), list):
        return [feature for feature in content['features'] if isinstance(feature, dict)]
    if kind == 'Feature':
        return [content]
    raise UserError(f'{path} is no GeoJSON of features (its type is {kind!r}); export the footprints as GeoJSON')


def _check_crs(content: dict, path: str | os.PathLike) -> None:
    """Older files may name a coordinate reference system; RFC 7946 knows but one."""
    name = str(((content.get('crs') or {}).get('properties') or {}).get('name', 'CRS84'))
    if not name.endswith(('CRS84', '4326')):
        raise UserError(
            f'{path} is in {name}; write it in longitude and latitude (ogr2ogr -t_srs EPSG:4326 OUT.geojson IN)'
        )


def _classes(
    features: Sequence[dict], attribute: str, classes: Mapping[str, int], path: str | os.PathLike
) -> list[int]:
    values = [_text((feature.get('properties') or {}).get(attribute)) for feature in features]
    unknown = sorted(set(values) - set(classes)) if OTHERS not in classes else []
    if unknown:
        shown = ', '.join(repr(value) for value in unknown[:10]) + (', ...' if len(unknown) > 10 else '')
        raise UserError(
            f'the attribute {attribute!r} of {path} has values without a class: {shown}; name them in --classes '
            f"VALUE=CLASS, or all others as '{OTHERS}=CLASS' ({IGNORE_INDEX} is ignored)"
        )
    return [classes[value] if value in classes else classes[OTHERS] for value in values]


def _text(value: object) -> str:
    return '' if value is None else str(value)


def _bounds(geometries: Sequence[dict], path: str | os.PathLike) -> np.ndarray:
    measure: Callable = rasterio.features.bounds
    try:
        return np.array([measure(geometry) for geometry in geometries], dtype=np.float64)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise UserError(f'{path} holds a polygon without proper coordinates ({error}); correct or remove it') from error
