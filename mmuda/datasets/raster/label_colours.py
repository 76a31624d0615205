"""Labels that code classes as colours: the meaning of a colour, and whether a file is read by colour or by value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmuda.datasets.raster.labels import LabelTable
from mmuda.datasets.raster.reading import open_raster
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

Colour = tuple[int, int, int]


def pack_colours(bands: np.ndarray) -> np.ndarray:
    """Colours (..., 3) uint8 as 0xRRGGBB, (...) int32."""
    red, green, blue = np.moveaxis(bands.astype(np.int32), -1, 0)
    return (red << 16) | (green << 8) | blue


def unpack_colour(packed: int) -> Colour:
    """(red, green, blue) of 0xRRGGBB."""
    packed = int(packed)
    return packed >> 16, packed >> 8 & 255, packed & 255


def colours_of_index(path: str) -> np.ndarray:
    """Packed colour of each value 0 to 255 in a file with one band: from its colour table, else as grey."""
    colours = pack_colours(np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1))
    table = colour_table_of(path)
    for value, colour in (table or {}).items():
        colours[value] = pack_colours(np.array(colour, dtype=np.uint8))
    return colours


def colour_table_of(path: str) -> dict[int, Colour] | None:
    """The colour table of a file's first band, without opacity; None if there is none."""
    try:
        table = open_raster(path).colormap(1)
    except ValueError:
        return None
    return {value: colour[:3] for value, colour in table.items() if value < 256}


def check_colours(colours: Mapping, num_classes: int, dataset: str) -> dict[Colour, int]:
    """The option ``label_colours``: colour -> class index in the files, or 255.

    Raises:
        UserError: A key is not a colour, or a value is not a class.
    """
    checked = {}
    for colour, index in colours.items():
        channels = tuple(colour) if isinstance(colour, Sequence) and not isinstance(colour, str) else ()
        if len(channels) != 3 or not all(isinstance(c, int) and 0 <= c <= 255 for c in channels):
            raise UserError(
                f'label_colours of {dataset} has the key {colour!r}; give (red, green, blue) in 0..255, e.g. '
                '{(255, 0, 0): 0}.'
            )
        if index != IGNORE_INDEX and not 0 <= index < num_classes:
            raise UserError(
                f'label_colours of {dataset} maps {colour} to {index}, but {dataset} has {num_classes} classes; map '
                f'colours to 0..{num_classes - 1}, or {IGNORE_INDEX} for what is ignored.'
            )
        checked[channels] = int(index)
    return checked


def colours_of_palette(palette: Sequence | None, num_classes: int) -> dict[Colour, int]:
    """Colour -> class index of a palette; {} if there is none, or if two classes share a colour."""
    colours = {tuple(int(c) for c in colour): index for index, colour in enumerate(palette or ())}
    return colours if len(colours) == num_classes == len(palette or ()) else {}


def with_colours(
    table: LabelTable, colours: Mapping[Colour, int], label_map: Mapping[int, int] | None, from_index: bool
) -> LabelTable:
    """The table with the training labels of colours; ``label_map`` is mmseg's choice of a subset of classes."""
    mapped = {
        colour: index if label_map is None or index == IGNORE_INDEX else label_map[index]
        for colour, index in colours.items()
    }
    return replace(table, colours=mapped, from_index=from_index)


def labels_of_colours(colours: np.ndarray, table: LabelTable, path: str) -> np.ndarray:
    """Training labels of packed colours.

    Args:
        colours (np.ndarray): From :func:`pack_colours`, any shape.
        table (LabelTable): A table with colours.
        path (str): The file, for the error.

    Returns:
        np.ndarray: uint8 of the same shape.

    Raises:
        UserError: A colour is not a class.
    """
    known = {(r << 16) | (g << 8) | b: label for (r, g, b), label in table.colours.items()}
    keys = np.array(sorted(known), dtype=np.int32)
    labels = np.array([known[key] for key in keys], dtype=np.uint8)
    position = np.searchsorted(keys, colours).clip(max=len(keys) - 1)
    unknown = keys[position] != colours
    if unknown.any():
        found, counts = np.unique(colours[unknown], return_counts=True)
        most = int(counts.argmax())
        raise UserError(
            f'The colour-coded label {path} has {counts[most]} px of {unpack_colour(found[most])}'
            f'{f" and {len(found) - 1} more unknown colours" if len(found) > 1 else ""}, which is none of '
            f'{", ".join(map(str, table.colours))}; correct the palette of metainfo, or set label_colours='
            f'{{(red, green, blue): class or {IGNORE_INDEX}, ...}}. Colours that a lossy format (JPEG) changed are not '
            'guessed: write such labels as PNG or TIFF.'
        )
    return labels[position]
