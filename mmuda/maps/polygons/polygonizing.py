"""From a class map to a vector file, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import shapely

from mmuda.datasets.raster.info import RasterInfo
from mmuda.maps.polygons.classes import Classes
from mmuda.maps.polygons.ground import Ground
from mmuda.maps.polygons.options import PolygonOptions
from mmuda.maps.polygons.outlines import is_polygon, simplified, without_small_holes
from mmuda.maps.polygons.reading import pieces_of
from mmuda.maps.polygons.regions import join
from mmuda.maps.polygons.regularising import regularised
from mmuda.maps.polygons.tracing import Pieces
from mmuda.maps.polygons.writing import VectorWriter
from mmuda.utils.progress import Progress

FIELDS = {'class': object, 'value': np.int32, 'area_m2': np.float64}
CONFIDENCE = 'confidence'
# Polygons and corners after which a batch is written.
_BATCH, _CORNERS = 20_000, 1 << 20


def polygonize(
    info: RasterInfo,
    classes: Classes,
    ground: Ground,
    options: PolygonOptions,
    writer: VectorWriter,
    confidence: str | None,
    in_degrees: bool,
    rows: int,
    report: Callable[[str], None] | None,
) -> tuple[Counter, int]:
    """Outline the regions of a map and write them as they are finished.

    Args:
        info: The map.
        classes: What is outlined.
        ground: Where its pixels lie.
        options: What is done to the polygons.
        writer: Takes them.
        confidence: Raster of the confidence on the map's grid, or None.
        in_degrees: Write longitude and latitude instead of the map's coordinates.
        rows: Rows of a strip.
        report: Called with lines on the progress.

    Returns:
        Number of polygons of each class name, and of regions below ``min_area``.
    """
    strips = _reported(pieces_of(info, classes, confidence, rows), Progress(info.height, 'rows', report))
    found, small = Counter(), 0
    for pieces in _batches(join(strips, info.width)):
        kept, shapes, areas = _finished(pieces, ground, options)
        small += len(pieces) - len(shapes)
        names = np.array([classes.name(value) for value in pieces.values[kept].tolist()], dtype=object)
        columns = [names, pieces.values[kept].astype(np.int32), areas]
        fields = dict(zip(FIELDS, columns, strict=True))
        if confidence is not None:
            fields[CONFIDENCE] = _means(pieces.sums[kept], pieces.counts[kept])
        if len(shapes):
            writer.write(ground.to_wgs84(shapes) if in_degrees else shapes, fields)
        found.update(names.tolist())
    return found, small


def _finished(pieces: Pieces, ground: Ground, options: PolygonOptions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pieces are kept, (n,) bool, with their outlines in the map's coordinates and areas in square metres."""
    outlines = pieces.shapes
    if options.min_hole:
        outlines = without_small_holes(outlines, ground, options.min_hole)
    areas = ground.areas(outlines)
    kept = areas >= options.min_area * (1 - 1e-9)
    outlines, areas = outlines[kept], areas[kept]
    shapes = ground.to_map(outlines)
    if len(shapes) and (options.simplify or options.regularise):
        shapes, areas = _redrawn(shapes, areas, np.sqrt(areas / shapely.area(outlines)), ground, options)
    return kept, shapes, areas


def _redrawn(
    shapes: np.ndarray, areas: np.ndarray, pixels: np.ndarray, ground: Ground, options: PolygonOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Simplified or regularised outlines in the map's coordinates, and their areas; valid ones only."""
    traced = ground.to_metres(shapes)
    found = simplified(traced, options.simplify) if options.simplify else traced
    if options.regularise:
        regular = regularised(traced, pixels)
        found = np.where(regular == traced, found, regular)
    placed = ground.from_metres(found)
    # Rounding in another coordinate system may make two rings cross that touched.
    good = is_polygon(placed)
    return np.where(good, placed, shapes), np.where(good, shapely.area(found), areas)


def _means(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    means = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return np.round(means, 4)


def _batches(pieces: Iterable[Pieces]) -> Iterator[Pieces]:
    waiting: list[Pieces] = []
    number = corners = 0
    for some in pieces:
        waiting.append(some)
        number += len(some)
        corners += int(shapely.get_num_coordinates(some.shapes).sum())
        if number >= _BATCH or corners >= _CORNERS:
            yield _together(waiting)
            waiting, number, corners = [], 0, 0
    if number:
        yield _together(waiting)


def _together(pieces: list[Pieces]) -> Pieces:
    columns = [(some.shapes, some.values, some.sums, some.counts) for some in pieces]
    return Pieces(*map(np.concatenate, zip(*columns, strict=True)))


def _reported(strips: Iterable[tuple[int, int, Pieces]], progress: Progress) -> Iterator[tuple[int, int, Pieces]]:
    for top, bottom, pieces in strips:
        yield top, bottom, pieces
        progress.update(bottom)
