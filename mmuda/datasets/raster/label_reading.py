"""Reads labels from files of any kind: values, a colour table, colours in three bands, or polygons."""

from __future__ import annotations

import numpy as np

from mmuda.datasets.raster.cells import NO_CELL, cells_below
from mmuda.datasets.raster.label_colours import colours_of_index, labels_of_colours, pack_colours, unpack_colour
from mmuda.datasets.raster.labels import LabelTable, apply_label_lut
from mmuda.datasets.raster.polygons import read_polygons
from mmuda.datasets.raster.reading import open_raster, read_window
from mmuda.datasets.raster.valid import image_bands, is_nodata, valid_pixels
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError


def read_label(path: str, window: tuple[int, int, int, int], table: LabelTable, image: str | None = None) -> np.ndarray:
    """Read a window of a label file as training labels.

    Pixels that the file marks as "no data" (by value, mask, opacity or NaN) are ignored, unless the user mapped that
    value with ``label_values``. A label on a grid of its own is read at the centres of its image's pixels, and ignored
    outside; polygons are burnt onto the image's pixels.

    Args:
        path (str): The label.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image; without ``image``, of the
            label.
        table (LabelTable): What values, colours or polygons mean.
        image (str | None): The image; polygons need it.

    Returns:
        np.ndarray: (height, width) uint8; 255 is ignored.

    Raises:
        UserError: The file holds a value or colour that is not a class, or its bands do not determine the class.
    """
    if table.polygons is not None:
        return read_polygons(path, window, image, table.polygons)
    if table.own_grid and image is not None:
        return _sampled(path, window, table, image)
    bands = image_bands(path) if table.band is None else (table.band,)
    if max(bands) > open_raster(path).count:
        raise UserError(
            f'The label {path} has {open_raster(path).count} band(s), but label_band={table.band} is asked for.'
        )
    if table.colours and (len(bands) > 1 or table.from_index):
        colours = read_colours(path, window, bands)
        valid = valid_pixels(path, window, bands)
        label = np.full(colours.shape, IGNORE_INDEX, dtype=np.uint8)
        label[valid] = labels_of_colours(colours[valid], table, path)
        return label
    if len(bands) == 1:
        values = read_window(path, window, bands[0])
    else:
        values = _first_of_many(path, window, bands, table)
    valid = valid_pixels(path, window, bands, values if len(bands) == 1 else None, nodata=False)
    return classes_of(values, valid, table, path)


def _sampled(path: str, window: tuple[int, int, int, int], table: LabelTable, image: str) -> np.ndarray:
    cells, part = cells_below(open_raster(image), open_raster(path), window)
    if part is None:
        return np.full(cells.shape, IGNORE_INDEX, dtype=np.uint8)
    label = read_label(path, part, table).ravel()[cells]
    label[cells == NO_CELL] = IGNORE_INDEX
    return label


def classes_of(values: np.ndarray, valid: np.ndarray, table: LabelTable, path: str) -> np.ndarray:
    """Training labels for the values of a label file; 255 where a pixel is invalid or declared as no data.

    Args:
        values (np.ndarray): Values, (H, W).
        valid (np.ndarray): Where there are values to read, (H, W) bool.
        table (LabelTable): The mapping; if the user mapped the declared "no data" value, the mapping overrides the
            declaration.
        path (str): The raster.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        UserError: A value is neither a class nor ignored nor the declared "no data" value.
    """
    nodata = open_raster(path).nodata
    if nodata is not None and nodata not in table.named:
        valid = valid & ~is_nodata(values, nodata)
    if valid.all():
        return apply_label_lut(values, table, path)
    label = np.full(values.shape, IGNORE_INDEX, dtype=np.uint8)
    label[valid] = apply_label_lut(values[valid], table, path)
    return label


def read_colours(path: str, window: tuple[int, int, int, int], bands: tuple[int, ...]) -> np.ndarray:
    """Colours of a label, (height, width) int32, packed as 0xRRGGBB; one band uses its colour table, or grey."""
    if len(bands) == 1:
        return colours_of_index(path)[_bytes(path, read_window(path, window, bands[0]))]
    if len(bands) != 3:
        raise UserError(
            f'The label {path} has {len(bands)} bands and looks colour-coded, but colours have three; convert it to '
            'one band of class indices, or set label_band to the band that holds them.'
        )
    return pack_colours(_bytes(path, read_window(path, window, bands)))


def _bytes(path: str, values: np.ndarray) -> np.ndarray:
    if values.dtype != np.uint8:
        raise UserError(
            f'The label {path} looks colour-coded, but is {values.dtype}; colours are read from 8 bits: convert it, or '
            'set label_band to the band that holds class values.'
        )
    return values


def _first_of_many(path: str, window, bands: tuple[int, ...], table: LabelTable) -> np.ndarray:
    """The first of several bands, if it determines the others."""
    found = read_window(path, window, bands)
    values = found[..., 0]
    differ = (found != values[..., None]).any(axis=-1)
    if not differ.any() and not table.first_band:
        return values
    if not table.named or len(bands) != 3:
        colour = found[differ][0] if differ.any() else found[0, 0]
        raise ambiguous(path, len(bands), f'{tuple(colour.tolist())} is not grey', table)
    known = dict(table.first_band)
    for packed in np.unique(pack_colours(_bytes(path, found))):
        colour = unpack_colour(packed)
        before = known.setdefault(colour[0], colour)
        if before != colour:
            raise ambiguous(path, len(bands), f'{before} and {colour} share the first band', table)
    return values


def ambiguous(path: str, bands: int, why: str, table: LabelTable) -> UserError:
    """The error for a label whose bands do not determine the class."""
    remedy = 'label_values knows the first band only' if table.named else 'no palette of metainfo tells its colours'
    return UserError(
        f'The label {path} has {bands} bands and looks colour-coded ({why}), and {remedy}; set label_colours='
        '{(red, green, blue): class, ...}, set label_band to the band that holds class values, or convert it to one '
        'band of class indices.'
    )
