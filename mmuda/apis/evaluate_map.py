"""Judges a map of classes against the truth, whoever made it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import rasterio

from mmuda.datasets.raster.class_mapping import IGNORE
from mmuda.datasets.raster.reading import files_of
from mmuda.datasets.raster.vector import is_vector, vector_files
from mmuda.maps.evaluation.boundaries import BoundaryCounts
from mmuda.maps.evaluation.grid import choose_grid, pixel_of
from mmuda.maps.evaluation.judging import Counts, count
from mmuda.maps.evaluation.names import table_colours
from mmuda.maps.evaluation.options import LabelOptions
from mmuda.maps.evaluation.picture import class_colours, draw_judgement
from mmuda.maps.evaluation.reading import LabelLayer, file_classes, label_layer
from mmuda.maps.evaluation.regions import RegionCounts
from mmuda.maps.evaluation.report import MapScores
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import check_outputs
from mmuda.utils.json_file import write_json
from mmuda.utils.ranges import NOT_NEGATIVE, POSITIVE, SHARE, require
from mmuda.utils.writing import check_writable, no_empty_folders

OUTPUTS = ('metrics.json', 'table.md', 'picture.png')
# Bytes of decoded blocks that GDAL keeps while strips are read.
_CACHE = 64 << 20


def evaluate_map(
    map_path: str | os.PathLike,
    truth_path: str | os.PathLike,
    out: str | os.PathLike | None = None,
    *,
    classes: Sequence[str] | None = None,
    map_labels: LabelOptions | None = None,
    truth_labels: LabelOptions | None = None,
    ignore: Sequence[int] = (IGNORE_INDEX,),
    grid: str | os.PathLike | None = None,
    gsd: float | None = None,
    tolerance: float | None = None,
    objects: Sequence[str] = (),
    object_iou: float = 0.5,
    min_area: float = 0.0,
    regions: str | os.PathLike | None = None,
    region_attribute: str | None = None,
    report: Callable[[str], None] | None = print,
) -> MapScores:
    """Judge a map against the truth, in pixels of the map's grid, strip by strip.

    Each file is a raster of classes or a vector file of polygons. A truth on another grid or in another projection is
    read at the centres of the map's pixels.

    Args:
        map_path: The map.
        truth_path: The truth.
        out: Folder for ``metrics.json``, ``table.md`` and ``picture.png``; None writes nothing.
        classes: Names of the classes that are scored. None takes those of the map's file, else of the truth's, else one
            for each colour of the map's colour table.
        map_labels: What the map's numbers, colours or polygons mean.
        truth_labels: What those of the truth mean.
        ignore: Numbers in the rasters that are left out.
        grid: Raster whose grid is used for a map of polygons; None takes the truth's.
        gsd: Metres of ground per pixel, for a map and a truth of polygons.
        tolerance: Distance in metres within which boundaries agree; None is two pixels.
        objects: Classes whose objects are matched one to one: connected regions (by sides), or polygons as they are.
        object_iou: Least IoU of a match, in 0..1 and above 0.
        min_area: Objects of fewer m2 of ground are left out.
        regions: Vector file of regions that are scored separately.
        region_attribute: Attribute that names a region; None takes ``name`` if there is one.
        report: Called with lines for the user; None keeps quiet.

    Returns:
        The scores; ``str()`` gives Markdown tables.

    Raises:
        FileNotFoundError: A file does not exist.
        UserError: The files do not lie on each other, their classes differ, or an option is unusable.

    Example:
        >>> scores = evaluate_map('map.tif', 'truth.gpkg', 'work_dirs/judged', classes=['ground', 'building'])
        >>> scores.pixels.summary['miou']
    """
    _check_numbers(tolerance=tolerance, object_iou=object_iou, min_area=min_area, gsd=gsd)
    map_path, truth_path = os.fspath(map_path), os.fspath(truth_path)
    inputs = _inputs(map_path, truth_path, *(os.fspath(path) for path in (grid, regions) if path is not None))
    options = map_labels or LabelOptions(), truth_labels or LabelOptions()
    with ExitStack() as stack:
        if out is not None:
            check_outputs({}, inputs, [Path(out, name) for name in OUTPUTS])
            stack.enter_context(no_empty_folders(out))
            check_writable(out)
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_CACHE))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='mmuda_grid_'))
        grid = choose_grid(map_path, truth_path, None if grid is None else os.fspath(grid), gsd, folder)
        names = _scored_classes(map_path, truth_path, classes, *options)
        palette = _palette(map_path, options[0], names) or _palette(truth_path, options[1], names)
        layers = [
            label_layer(path, grid, names, labels, ignore, palette)
            for path, labels in zip((map_path, truth_path), options, strict=True)
        ]
        pixel = pixel_of(grid)
        least = _pixels(min_area, pixel, map_path)
        found = _count(layers, names, pixel, tolerance, objects, regions, region_attribute, report)
        scores = MapScores(
            map=map_path,
            truth=truth_path,
            classes=names,
            pixels=found.pixels,
            boundaries=found.boundaries,
            objects={names[label]: counts.scores(object_iou, least) for label, counts in found.objects.items()},
            object_iou=object_iou,
            min_area=min_area,
            regions={} if found.regions is None else found.regions.counts,
        )
        if out is not None:
            _write(scores, found, palette, Path(out))
    if report is not None:
        written = '' if out is None else '\n\nWritten: ' + ', '.join(str(Path(out, name)) for name in OUTPUTS)
        report(f'{scores}{written}')
    return scores


def _count(layers: Sequence[LabelLayer], names, pixel, tolerance, objects, regions, region_attribute, report) -> Counts:
    predicted, truth = layers
    unknown = [name for name in objects if name not in names]
    if unknown:
        raise UserError(f'objects of the class {unknown[0]!r} are asked for; give one of {", ".join(names)}')
    regional = None
    if regions is not None:
        regional = RegionCounts(os.fspath(regions), truth.grid, len(names), region_attribute)
    labels = [names.index(name) for name in dict.fromkeys(objects)]
    found = count(predicted, truth, BoundaryCounts(len(names), tolerance, pixel), labels, regional, report)
    if not found.pixels.counted:
        empty = found.pixels.without_truth == found.pixels.total
        raise UserError(
            f'{truth.path} has no class at any pixel of {predicted.path}; check nodata and the numbers to ignore'
            if empty
            else f'{predicted.path} has no class where {truth.path} has one; check nodata and the numbers to ignore'
        )
    return found


def _scored_classes(
    map_path: str, truth_path: str, classes: Sequence[str] | None, of_map: LabelOptions, of_truth: LabelOptions
) -> tuple[str, ...]:
    """Names of the classes that are scored, see :func:`evaluate_map`."""
    names = tuple(classes or ())
    if not names and of_map.mapping:
        own = file_classes(map_path, of_map)
        goals = [of_map.mapping.get(name, name) for name in own]
        names = tuple(dict.fromkeys(goal for goal in goals if goal not in (None, IGNORE)))
    names = names or file_classes(map_path, of_map) or file_classes(truth_path, of_truth)
    if not names and not is_vector(map_path):
        names = tuple(f'class {value}' for value in range(len(table_colours(map_path))))
    if not names:
        raise UserError(f'neither {map_path} nor {truth_path} names its classes; give their names by --classes')
    if len(set(names)) < len(names):
        raise UserError(
            f'the classes {", ".join(names)} hold a name twice; give each once, in the order of the numbers'
        )
    return names


def _palette(path: str, options: LabelOptions, names: Sequence[str]) -> list:
    """Colours of the classes from a file's colour table, or from the colours that the user gave; [] if unknown."""
    own = file_classes(path, options) or tuple(names)
    known = dict(zip(own, [] if is_vector(path) else table_colours(path), strict=False))
    known.update({name: colour for colour, name in (options.colours or {}).items()})
    found = [known.get(name) for name in names]
    return [] if None in found else found


def _inputs(*paths: str) -> list[str]:
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(f'{missing[0]} does not exist; check the path')
    return [file for path in paths for file in (vector_files(path) if is_vector(path) else files_of(path))]


def _check_numbers(**values: float | None) -> None:
    rules = dict(tolerance=NOT_NEGATIVE, object_iou=SHARE, min_area=NOT_NEGATIVE, gsd=POSITIVE)
    for name, value in values.items():
        require(rules[name], name, value)
    if values['object_iou'] == 0:
        raise UserError('object_iou=0 matches objects that do not overlap; give a number above 0')


def _pixels(area: float, pixel: tuple[float, float] | None, map_path: str) -> float:
    """An area in m2 as a number of pixels."""
    if not area:
        return 0.0
    if pixel is None:
        raise UserError(
            f'min_area={area:g} m2 needs the size of a pixel, but {map_path} has no projection; leave it out'
        )
    # Rounding must not leave out an object of exactly this area.
    return area / (pixel[0] * pixel[1]) * (1 - 1e-9)


def _write(scores: MapScores, found: Counts, palette: list, out: Path) -> None:
    predicted, truth = found.preview.labels
    title = (
        f'{Path(scores.map).name} against {Path(scores.truth).name}: mIoU {100 * scores.pixels.summary["miou"]:.1f} %'
    )
    colours = class_colours(palette, len(scores.classes))
    picture = draw_judgement(predicted, truth, scores.classes, colours, scores.pixels.confusion, title)
    write_atomically(picture, out / 'picture.png')
    write_atomically(f'{scores}\n'.encode(), out / 'table.md')
    write_json(scores.to_dict(), out / 'metrics.json')
