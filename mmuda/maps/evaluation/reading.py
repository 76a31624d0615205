"""Reads a map or the truth as classes on the grid of the map, window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from rasterio.warp import transform as transform_coordinates

from mmuda.datasets.raster.class_mapping import IGNORE, map_classes
from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.geometry import apply_transform
from mmuda.datasets.raster.label_coding import settle_coding
from mmuda.datasets.raster.label_colours import Colour, check_colours, colours_of_palette, with_colours
from mmuda.datasets.raster.label_reading import read_label
from mmuda.datasets.raster.labels import LabelTable, build_label_lut
from mmuda.datasets.raster.options import polygon_classes
from mmuda.datasets.raster.polygons import PolygonClasses, polygons_on
from mmuda.datasets.raster.reading import open_raster
from mmuda.datasets.raster.vector import is_vector
from mmuda.maps.evaluation.grid import lies_on
from mmuda.maps.evaluation.names import class_names
from mmuda.maps.evaluation.options import LabelOptions
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

# Cells of a raster of its own grid that are read at a time.
_CELLS = 8_000_000


@dataclass(frozen=True)
class LabelLayer:
    """A file of classes, seen on a grid.

    Attributes:
        path (str): The map or the truth.
        grid (str): Raster whose pixels are read.
        table (LabelTable): What the file's numbers, colours or polygons mean.
    """

    path: str
    grid: str
    table: LabelTable

    @property
    def polygons(self) -> PolygonClasses | None:
        """What the file's polygons mean; None for a raster."""
        return self.table.polygons

    def read(self, window: tuple[int, int, int, int]) -> np.ndarray:
        """Classes in a window.

        Args:
            window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the grid.

        Returns:
            np.ndarray: (height, width) uint8: the nearest pixel of the file; 255 is ignored.

        Raises:
            UserError: The file holds a number or colour that is no class, or cannot be read.
        """
        if not self.table.own_grid:
            return read_label(self.path, window, self.table, self.grid)
        row, col, height, width = window
        label = np.empty((height, width), dtype=np.uint8)
        for top in range(0, height, self._side):
            for left in range(0, width, self._side):
                part = min(self._side, height - top), min(self._side, width - left)
                here = slice(top, top + part[0]), slice(left, left + part[1])
                label[here] = read_label(self.path, (row + top, col + left, *part), self.table, self.grid)
        return label

    @cached_property
    def _side(self) -> int:
        """Side in pixels of the blocks under which few enough cells lie, however turned the rasters are."""
        grid, own = open_raster(self.grid), open_raster(self.path)
        cols, rows = grid.width / 2 + np.array([0, 1, 0]), grid.height / 2 + np.array([0, 0, 1])
        x, y = apply_transform(grid.transform, cols, rows)
        if grid.crs != own.crs:
            x, y = map(np.array, transform_coordinates(grid.crs, own.crs, x, y))
        x, y = apply_transform(~own.transform, x, y)
        across = max(np.ptp(x), 1e-6), max(np.ptp(y), 1e-6)
        return int(np.clip(np.sqrt(_CELLS / (4 * across[0] * across[1])), 16, 2048))


def file_classes(path: str, options: LabelOptions) -> tuple[str, ...]:
    """Names of a file's classes by the options, else by the file; () if neither tells them."""
    if options.classes:
        return tuple(options.classes)
    return () if is_vector(path) else class_names(path)


def label_layer(
    path: str,
    grid: str,
    classes: Sequence[str],
    options: LabelOptions,
    ignore: Sequence[int] = (IGNORE_INDEX,),
    palette: Sequence[Colour] = (),
) -> LabelLayer:
    """Settle what a file's numbers, colours or polygons mean, and how it lies on the grid.

    Args:
        path (str): The map or the truth.
        grid (str): Raster whose pixels are read.
        classes (Sequence[str]): Names of the classes that are scored.
        options (LabelOptions): What the user says about the file.
        ignore (Sequence[int]): Numbers in the file that are left out.
        palette (Sequence[Colour]): Colours of the classes, for a file that is coded in colours and does not say them.

    Raises:
        UserError: The classes differ, an option does not fit, or the file does not lie on the grid.
    """
    names = file_classes(path, options) or tuple(classes)
    _refuse_other_classes(path, names, classes, options.mapping or {})
    label_map = map_classes(names, classes, options.mapping, path)
    if is_vector(path):
        return _polygon_layer(path, grid, names, options, label_map)
    _refuse_polygon_options(path, options)
    table = build_label_lut(
        len(names), label_map, label_values=_numbered(options.values, names, 'values', path), dataset=path
    )
    table.lut[[value for value in ignore if 0 <= value <= 255]] = IGNORE_INDEX
    table = replace(
        table, others={**table.others, **{value: IGNORE_INDEX for value in ignore if not 0 <= value <= 255}}
    )
    if options.colours is not None:
        colours = check_colours(_numbered(options.colours, names, 'colours', path), len(names), path)
        table = with_colours(table, colours, label_map, from_index=True)
    same = names == tuple(classes)
    known = colours_of_palette(palette, len(names)) if same and not class_names(path) else {}
    table = settle_coding(table, [path], _few_windows, known, label_map)
    return LabelLayer(path, grid, replace(table, own_grid=not lies_on(path, grid)))


def _refuse_other_classes(path: str, names: Sequence[str], classes: Sequence[str], mapping: Mapping) -> None:
    others = [name for name in names if name not in classes and name not in mapping]
    if others:
        raise UserError(
            f'{path} has the classes {", ".join(names)}, but {", ".join(classes)} are scored, so nothing tells what '
            f'{others[0]!r} is there; give a mapping of {", ".join(others)} to classes that are scored, or to '
            f'{IGNORE!r} (--map-mapping, --truth-mapping)'
        )


def _few_windows(path: str) -> list[tuple[int, int, int, int]]:
    return windows_to_check(open_raster(path).shape, whole=False)


def _polygon_layer(path, grid, names, options: LabelOptions, label_map) -> LabelLayer:
    if options.colours is not None:
        raise UserError(f'{path} is a vector file, which has no colours of classes; leave them out')
    if options.values is not None and options.attribute is None:
        raise UserError(f'values of {path} need the attribute that holds them; give it')
    given = dict(attribute=options.attribute, layer=options.layer)
    if options.background is not None:
        given['background'] = None if options.background == IGNORE else options.background
    if options.values is not None:
        given['classes'] = {_as_text(key): None if name == IGNORE else name for key, name in options.values.items()}
    if options.polygon_class is not None:
        given['classes'] = options.polygon_class
    table = build_label_lut(len(names), label_map, dataset=path)
    polygons = polygon_classes(given, names, table, path)
    if not len(polygons_on(path, grid, polygons)[0].shapes):
        raise UserError(
            f'{path} does not overlap {grid}: none of its polygons lies there; check that they show one place'
        )
    return LabelLayer(path, grid, replace(table, polygons=polygons))


def _as_text(value: object) -> str:
    """A value as vector files are read: 1.0 is '1'."""
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _refuse_polygon_options(path: str, options: LabelOptions) -> None:
    words = [key for key in options.values or () if isinstance(key, str)]
    if words:
        raise UserError(f'values of {path} have the key {words[0]!r}, but rasters hold numbers; give a number')
    for name in ('attribute', 'polygon_class', 'background', 'layer'):
        if getattr(options, name) is not None:
            raise UserError(f'{name}={getattr(options, name)!r} is for polygons, but {path} is a raster; leave it out')


def _numbered(given: Mapping | None, names: Sequence[str], what: str, path: str) -> dict | None:
    """The keys with the indices of the classes that they are."""
    if given is None:
        return None
    unknown = [name for name in given.values() if name not in names and name != IGNORE]
    if unknown:
        raise UserError(
            f'{what} of {path} name the class {unknown[0]!r}; give one of {", ".join(names)}, or {IGNORE!r}'
        )
    return {key: names.index(name) if name in names else IGNORE_INDEX for key, name in given.items()}
