"""Maps the values in label files to training labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from mmuda.datasets.raster.polygons import PolygonClasses
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

"""Label of ignored pixels, as everywhere in mmseg."""

_INVALID = -1


@dataclass(frozen=True)
class LabelTable:
    """Maps everything that a label file may hold to a training label.

    Attributes:
        lut (np.ndarray): Labels of the values 0 to 255, (256,) int16; 255 is ignored, -1 is invalid.
        others (Mapping[float, int]): Labels of other values that were listed explicitly, e.g. -9999 or 1000.
        named (frozenset[float]): Values that the user mapped explicitly, which overrides what a file declares about
            them.
        band (int | None): Band that holds the values, counted from 1; None expects one band.
        colours (Mapping[tuple, int]): Labels of colours (red, green, blue), for files with three bands.
        from_index (bool): Whether ``colours`` also apply to files with one band, by colour table or as grey.
        polygons (PolygonClasses | None): What the polygons of vector files mean; None reads rasters.
        own_grid (bool): Whether a label raster lies on a grid of its own, and is sampled at its image's pixels.
        first_band (Mapping[int, tuple]): Colour seen for each value of the first band in the labels read so far. A
            second colour with the same value shows that this band does not determine the class.
    """

    lut: np.ndarray
    others: Mapping[float, int] = field(default_factory=dict)
    named: frozenset = frozenset()
    band: int | None = None
    colours: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    from_index: bool = False
    polygons: PolygonClasses | None = None
    own_grid: bool = False
    first_band: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)

    def describe(self) -> str:
        """The known values, for error messages."""
        return ', '.join(f'{value:g}' for value in [*np.flatnonzero(self.lut != _INVALID), *self.others])

    def knows(self, value: float) -> bool:
        """Whether a value has a label, which may be 255."""
        small = 0 <= value <= 255 and value == math.floor(value)
        return bool(self.lut[int(value)] != _INVALID) if small else value in self.others


def build_label_lut(
    num_classes: int,
    label_map: Mapping[int, int] | None = None,
    reduce_zero_label: bool = False,
    ignore_index: int = IGNORE_INDEX,
    label_values: Mapping[float, int] | None = None,
    dataset: str = 'the dataset',
) -> LabelTable:
    """Build the table from values in label files to training labels.

    The order follows mmseg: ``label_values`` (ours), then ``reduce_zero_label``, then ``label_map``.

    Args:
        num_classes (int): Classes in the files, before ``label_map`` chooses among them.
        label_map (Mapping[int, int] | None): Class index -> training label, mmseg's choice of a subset of classes.
        reduce_zero_label (bool): 0 is ignored and 1 is the first class.
        ignore_index (int): A further value that is ignored, in addition to 255.
        label_values (Mapping[float, int] | None): Value in the file (any number) -> the value to which the other
            options apply. NaN and infinity are always ignored and may only be mapped to 255.
        dataset (str): Name of the dataset, for the error.

    Returns:
        LabelTable: The table.

    Raises:
        UserError: ``label_values`` maps a value to something that is not a class.
    """
    indices = np.full(256, _INVALID, dtype=np.int16)
    first = 1 if reduce_zero_label else 0
    for index in range(num_classes):
        indices[index + first] = index if label_map is None else label_map[index]
    if reduce_zero_label:
        indices[0] = IGNORE_INDEX
    indices[[ignore_index, IGNORE_INDEX]] = IGNORE_INDEX
    if label_values is None:
        return LabelTable(indices)
    lut, others = np.full(256, _INVALID, dtype=np.int16), {}
    lut[IGNORE_INDEX] = IGNORE_INDEX
    for value, index in label_values.items():
        known = 0 <= int(index) <= 255 and indices[int(index)] != _INVALID
        if not known or (not math.isfinite(value) and indices[int(index)] != IGNORE_INDEX):
            raise UserError(
                f'label_values={dict(label_values)} of {dataset} maps {value} to {index}, but {dataset} has '
                f'{num_classes} classes; map numbers to {LabelTable(indices).describe()}, and NaN to 255.'
            )
        if 0 <= value <= 255 and value == math.floor(value):
            lut[int(value)] = indices[int(index)]
        elif math.isfinite(value):
            others[value] = int(indices[int(index)])
    return LabelTable(lut, others, frozenset(label_values))


def apply_label_lut(label: np.ndarray, table: LabelTable, path: str) -> np.ndarray:
    """Turn the values of a label file into training labels.

    Args:
        label (np.ndarray): Values of the file, any shape and dtype.
        table (LabelTable): The table from :func:`build_label_lut`.
        path (str): The file, for the error.

    Returns:
        np.ndarray: Labels, uint8, of the same shape; 255 is ignored.

    Raises:
        UserError: A value is neither a class nor ignored.
    """
    if label.dtype == np.uint8:
        # OpenCV looks values up ten times as fast as NumPy, but takes no empty array.
        mapped = cv2.LUT(label, table.lut).reshape(label.shape) if label.size else table.lut[label]
    else:
        if np.iscomplexobj(label):
            raise UserError(f'The label {path} is {label.dtype}; classes are whole numbers: convert it to uint8.')
        small = (label >= 0) & (label <= 255) & (label == np.floor(label))
        mapped = np.full(label.shape, _INVALID, dtype=np.int16)
        mapped[small] = table.lut[label[small].astype(np.uint8)]
        for value, index in table.others.items():
            mapped[label == value] = index
    invalid = mapped == _INVALID
    if invalid.any():
        lossy = ' JPEG changes values: write labels as PNG or TIFF.' if path.lower().endswith(('.jpg', '.jpeg')) else ''
        raise UserError(
            f'The label {path} holds the value {label[invalid].flat[0]}, but only {table.describe()} are allowed; '
            f'correct the label, the number of classes, reduce_zero_label, or set label_values.{lossy}'
        )
    return mapped.astype(np.uint8)
