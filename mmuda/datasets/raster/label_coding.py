"""Determines the meaning of the bands and colour tables of label files when a dataset is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmuda.datasets.raster.label_colours import Colour, colour_table_of, colours_of_index, unpack_colour, with_colours
from mmuda.datasets.raster.label_reading import ambiguous, read_colours, read_label
from mmuda.datasets.raster.labels import LabelTable
from mmuda.datasets.raster.reading import open_raster, read_window
from mmuda.datasets.raster.valid import image_bands, valid_pixels
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

Windows = Callable[[str], Sequence[tuple[int, int, int, int]]]


def settle_coding(
    table: LabelTable,
    labels: Sequence[str],
    windows: Windows,
    palette: Mapping[Colour, int],
    label_map: Mapping[int, int] | None,
) -> LabelTable:
    """Decide whether labels are read by value or by colour if no option says so.

    Files with several bands are read by the palette's colours, unless they hold grey values that are class indices and
    not colours of the palette. With ``label_values`` the first band is read, as long as it tells the colours apart.
    Files with one band are read by value; a colour table that contradicts the values is refused.

    Args:
        table (LabelTable): Table built from the options.
        labels (Sequence[str]): Files to look at.
        windows (Windows): Windows of a file to look at.
        palette (Mapping[Colour, int]): Colour -> class index in the files; empty if the user gave none.
        label_map (Mapping[int, int] | None): mmseg's choice of a subset of classes.

    Returns:
        LabelTable: The table for every label of the dataset.

    Raises:
        UserError: The labels are ambiguous; the error names file, colours and remedy.
    """
    if table.band is not None or table.colours:
        return table
    by_palette = with_colours(table, palette, label_map, from_index=False)
    many = [path for path in labels if len(image_bands(path)) > 1]
    if not table.named:
        for path in set(labels) - set(many):
            _check_colour_table(path, windows(path), table, by_palette.colours)
    if many and table.named:
        return replace(table, first_band=_first_band(many, windows, table))
    if not many or not palette:
        return table
    colours = {colour for _, colour in _colours(many, windows)}
    grey = all(len(set(colour)) == 1 and table.knows(colour[0]) for colour in colours)
    return table if grey and not colours <= set(palette) else by_palette


def _colours(paths: Sequence[str], windows: Windows) -> Iterator[tuple[str, Colour]]:
    for path in paths:
        for window in windows(path):
            bands = image_bands(path)
            found = read_colours(path, window, bands)[valid_pixels(path, window, bands)]
            yield from ((path, unpack_colour(packed)) for packed in np.unique(found))


def _first_band(paths: Sequence[str], windows: Windows, table: LabelTable) -> dict[int, Colour]:
    known: dict[int, Colour] = {}
    for path, colour in _colours(paths, windows):
        before = known.setdefault(colour[0], colour)
        if before != colour:
            raise ambiguous(path, 3, f'{before} and {colour} share the first band', table)
    return known


def _check_colour_table(path: str, windows, table: LabelTable, colours: Mapping[Colour, int]) -> None:
    """Refuse values whose colours in the file belong to other classes in the palette."""
    stored = colour_table_of(path) if colours else None
    if stored is None:
        return
    used = {int(value) for window in windows for value in np.unique(read_window(path, window, bands=1))}
    said = {value: stored[value] for value in sorted(used) if value in stored and value != IGNORE_INDEX}
    if len(set(said.values())) < len(said):
        return  # a table that was never filled in
    for value, colour in said.items():
        if colour in colours and colours[colour] != table.lut[value]:
            raise UserError(
                f'The label {path} contradicts itself: its value {value} has the colour {colour}, which the palette '
                f'gives to class {colours[colour]}; set label_colours={{(red, green, blue): class, ...}} to go by the '
                'colours, or label_values={value: class, ...} to go by the values.'
            )


def look_at_labels(labels: Sequence[str], windows: Windows, table: LabelTable) -> str | None:
    """Read labels, so that errors in them are reported now.

    Args:
        labels (Sequence[str]): Files to look at.
        windows (Windows): Windows of a file to look at.
        table (LabelTable): What values and colours mean.

    Returns:
        str | None: A warning if a file declares the value of a class as "no data".

    Raises:
        UserError: As :func:`read_label`.
    """
    warning: str | None = None
    for path in labels:
        for window in windows(path):
            read_label(path, window, table)
        warning = warning or _class_without_data(path, table)
    return warning


def _class_without_data(path: str, table: LabelTable) -> str | None:
    nodata = open_raster(path).nodata
    if nodata is None or nodata in table.named or not 0 <= nodata <= 255 or nodata != int(nodata):
        return None
    if table.colours:
        bands = image_bands(path) if table.band is None else (table.band,)
        several = len(bands) > 1
        colour = (int(nodata),) * 3 if several else unpack_colour(colours_of_index(path)[int(nodata)])
        if several or table.from_index:
            meant = table.colours.get(colour, IGNORE_INDEX)
            remedy = 'Take the declaration away (gdal_edit.py -unsetnodata FILE)'
            return (
                None if meant == IGNORE_INDEX else _told(path, nodata, f'the colour {colour} of class {meant}', remedy)
            )
    if not table.knows(nodata) or table.lut[int(nodata)] == IGNORE_INDEX:
        return None
    remedy = f'Set label_values (with {nodata:g} among its keys)'
    return _told(path, nodata, f'class {table.lut[int(nodata)]}', remedy)


def _told(path: str, nodata: float, what: str, remedy: str) -> str:
    return (
        f'The label {path} declares {nodata:g} as "no data", which is {what}: its pixels are ignored. {remedy} if they '
        'are that class.'
    )


def only_0_and_255(labels: Sequence[str], windows: Windows) -> bool:
    """Whether the labels' valid pixels hold both values and no others: either masks, or one class and no data."""
    found: set[int] = set()
    for path in labels:
        for window in windows(path):
            values = read_window(path, window, bands=1)
            found.update(np.unique(values[valid_pixels(path, window, (1,))]).tolist())
            if not found <= {0, IGNORE_INDEX}:
                return False
    return found == {0, IGNORE_INDEX}
