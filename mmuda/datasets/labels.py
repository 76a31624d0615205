"""From the values in label files to training labels."""

from collections.abc import Mapping

import numpy as np

IGNORE_INDEX = 255
"""Label of pixels that count for nothing, as everywhere in mmseg."""

_INVALID = -1


def build_label_lut(
    num_classes: int,
    label_map: Mapping[int, int] | None = None,
    reduce_zero_label: bool = False,
    ignore_index: int = IGNORE_INDEX,
    label_values: Mapping[int, int] | None = None,
    dataset: str = 'the dataset',
) -> np.ndarray:
    """Table of the training label of each value that a label file may hold.

    The order is mmseg's: ``label_values`` (ours), then ``reduce_zero_label``, then ``label_map``.

    Args:
        num_classes (int): Classes in the files, before ``label_map`` chooses among them.
        label_map (Mapping[int, int] | None): Class index -> training label, mmseg's choice of a subset of classes.
        reduce_zero_label (bool): 0 is ignored and 1 is the first class.
        ignore_index (int): A value besides 255 that is ignored.
        label_values (Mapping[int, int] | None): Value in the file -> the value that the rest is applied to.
        dataset (str): Whose labels, for the error.

    Returns:
        np.ndarray: (256,) int16; 255 is ignored, -1 is no class.

    Raises:
        ValueError: ``label_values`` names a value outside 0..255 or maps to no class.
    """
    indices = np.full(256, _INVALID, dtype=np.int16)
    first = 1 if reduce_zero_label else 0
    for index in range(num_classes):
        indices[index + first] = index if label_map is None else label_map[index]
    if reduce_zero_label:
        indices[0] = IGNORE_INDEX
    indices[[ignore_index, IGNORE_INDEX]] = IGNORE_INDEX
    if label_values is None:
        return indices
    lut = np.full(256, _INVALID, dtype=np.int16)
    lut[IGNORE_INDEX] = IGNORE_INDEX
    for value, index in label_values.items():
        if not 0 <= int(value) <= 255 or not 0 <= int(index) <= 255 or indices[int(index)] == _INVALID:
            raise ValueError(
                f'label_values={dict(label_values)} of {dataset} maps {value} to {index}, but {dataset} has '
                f'{num_classes} classes; map values in 0..255 to {_allowed(indices)}.'
            )
        lut[int(value)] = indices[int(index)]
    return lut


def apply_label_lut(label: np.ndarray, lut: np.ndarray, path: str) -> np.ndarray:
    """Turn the values of a label file into training labels.

    Args:
        label (np.ndarray): Values of the file, any shape, any dtype that holds whole numbers.
        lut (np.ndarray): (256,) int16, of :func:`build_label_lut`.
        path (str): The file, for the error.

    Returns:
        np.ndarray: Labels, uint8, of the same shape; 255 is ignored.

    Raises:
        ValueError: A value is no class and not ignored.
    """
    if label.dtype != np.uint8:
        outside = ~((label >= 0) & (label <= 255) & (label == np.floor(label)))
        if outside.any():
            raise _label_error(path, label[outside].flat[0], lut)
        label = label.astype(np.uint8)
    mapped = lut[label]
    invalid = mapped == _INVALID
    if invalid.any():
        raise _label_error(path, label[invalid].flat[0], lut)
    return mapped.astype(np.uint8)


def known_values(lut: np.ndarray) -> set[int]:
    """Values of a file that a table of :func:`build_label_lut` knows, ignored ones among them.

    Args:
        lut (np.ndarray): (256,) int16.
    """
    return set(np.flatnonzero(lut != _INVALID).tolist())


def _label_error(path: str, value, lut: np.ndarray) -> ValueError:
    return ValueError(
        f'The label {path} holds the value {value}, but only {_allowed(lut)} are allowed; correct the label, the '
        'number of classes, reduce_zero_label, or set label_values.'
    )


def _allowed(lut: np.ndarray) -> str:
    return ', '.join(str(value) for value in np.flatnonzero(lut != _INVALID))
