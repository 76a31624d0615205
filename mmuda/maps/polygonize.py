"""Polygons of the regions of a class map, as a file that opens in a GIS."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mmuda.datasets.raster.files import is_address
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.reading import files_of, probe_raster
from mmuda.maps.polygons.checks import check_confidence, check_map
from mmuda.maps.polygons.classes import choose_classes
from mmuda.maps.polygons.options import PolygonOptions
from mmuda.maps.polygons.writing import GEOJSON, check_suffix, need_vector, new_vector
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import refuse_input


def polygonize_map(
    map_path: str | os.PathLike,
    out_path: str | os.PathLike,
    classes: Sequence[str | int] | None = None,
    min_area: float = 0.0,
    simplify: float = 0.0,
    regularise: bool = False,
    min_hole: float = 0.0,
    confidence: str | os.PathLike | None = None,
    report: Callable[[str], None] = print,
    strip: int = 1024,
) -> dict[str, int]:
    """Write one polygon for each connected region of a class map.

    Regions are 4-connected: pixels of a class that only share a corner are two polygons. The map is read in strips, and
    polygons are written as soon as they are finished. The attributes of a polygon are ``class`` (name), ``value``
    (number), ``area_m2`` (of the polygon as written, in square metres of ground) and, with ``confidence``, its mean.

    Args:
        map_path: A raster with one band of whole numbers.
        out_path: File to write: ``.gpkg`` or ``.fgb`` in the map's coordinate reference system, ``.geojson`` or
            ``.json`` in longitude and latitude (RFC 7946).
        classes: Classes to outline: names that the map gives its values, values, or ``'VALUE=NAME'``. None is all but
            the one called background. Pixels without data are never outlined.
        min_area: Smaller regions are left out, in square metres.
        simplify: Tolerance of Douglas-Peucker in metres; 0 keeps every corner of the pixels.
        regularise: Make outlines rectangular, as those of buildings are, where the result overlaps well enough.
        min_hole: Smaller holes are filled, in square metres.
        confidence: Raster on the map's grid whose mean each polygon gets, with the scale and "no data" value that the
            raster declares.
        report: Called with lines for the user.
        strip: Rows that are read at a time. The polygons do not depend on it.

    Returns:
        Number of polygons of each class that has any.

    Raises:
        UserError: An input is missing, damaged or no such raster; a class is not in the map; the output has another
            suffix, is an input, or cannot be written; GeoJSON is asked for a map without a reference system; or the
            extra ``vector`` is not installed.

    Example:
        >>> polygonize_map('map.tif', 'buildings.gpkg', ['building'], min_area=10, regularise=True)
    """
    map_path, out_path = os.fspath(map_path), os.fspath(out_path)
    options = PolygonOptions(min_area, simplify, regularise, min_hole)
    if strip < 1:
        raise UserError(f'strip is {strip}; give at least one row')
    check_suffix(out_path)
    need_vector(out_path)
    info = _probe(map_path)
    check_map(info)
    inputs = files_of(map_path)
    if confidence is not None:
        confidence = os.fspath(confidence)
        check_confidence(_probe(confidence), info)
        inputs += files_of(confidence)
    refuse_input(out_path, inputs)
    chosen, left_out = choose_classes(map_path, classes)
    # The rest needs shapely, of an extra that this package is used without.
    from mmuda.maps.polygons.ground import ground_of
    from mmuda.maps.polygons.polygonizing import CONFIDENCE, FIELDS, polygonize

    ground, note = ground_of(info)
    in_degrees = Path(out_path).suffix.lower() in GEOJSON
    if in_degrees and ground.crs is None:
        raise UserError(
            f'{out_path} cannot be written: GeoJSON is in longitude and latitude, but {map_path} does not say where on '
            'Earth it lies; give the map a coordinate reference system (gdal_edit.py -a_srs) or write a .gpkg'
        )
    for line in filter(None, (note, left_out)):
        report(line)
    fields = FIELDS if confidence is None else {**FIELDS, CONFIDENCE: float}
    crs = ground.crs.to_string() if ground.crs else None
    with new_vector(out_path, crs, fields, inputs) as writer:
        found, small = polygonize(info, chosen, ground, options, writer, confidence, in_degrees, strip, report)
    told = ', '.join(f'{number} {name}' for name, number in found.most_common()) or 'none'
    below = f'; {small} regions below {min_area:g} m2 left out' if small else ''
    report(f'{out_path}: {found.total()} polygons ({told}){below}')
    return dict(found)


def _probe(path: str) -> RasterInfo:
    if not is_address(path) and not os.path.isfile(path):
        raise UserError(f'{path} does not exist; give the path of a raster')
    return probe_raster(path)
