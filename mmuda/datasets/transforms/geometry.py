"""Sizes and resampling that all transforms share."""

import math

import numpy as np
from PIL import Image


def round_half_up(value: float) -> int:
    """Nearest integer, halves rounded up (187.5 -> 188), at least 1; Python's ``round`` rounds halves to even.

    The guard treats floating-point results such as 187.49999999999997 as a half.
    """
    return max(1, math.floor(value + 0.5 + 1e-9))


def as_pair(value) -> tuple:
    """One number as (value, value); a sequence of two as a tuple (height, width)."""
    if isinstance(value, int | float):
        return value, value
    height, width = value
    return height, width


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic resize, antialiased when it makes the image smaller (Pillow's BICUBIC, as the paper's code).

    Args:
        image (np.ndarray): (H, W) or (H, W, C), uint8 or float32.
        size (tuple[int, int]): (height, width) in pixels.

    Returns:
        np.ndarray: The image at ``size``, same dtype and number of dimensions.
    """
    if image.shape[:2] == tuple(size):
        return image
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8):
        return np.array(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    # Band by band, since Pillow would treat a fourth band as opacity and multiply the others by it.
    bands = [resize_image(np.ascontiguousarray(image[..., band]), size) for band in range(image.shape[2])]
    return np.stack(bands, axis=-1)


def resize_label(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest-neighbour resize; output pixel i takes the input pixel that its centre (i + 0.5) falls into.

    Args:
        label (np.ndarray): (H, W), any dtype.
        size (tuple[int, int]): (height, width) in pixels.

    Returns:
        np.ndarray: The label at ``size``, same dtype.
    """
    if label.shape[:2] == tuple(size):
        return label
    rows, cols = (_nearest(old, new) for old, new in zip(label.shape[:2], size, strict=True))
    return np.ascontiguousarray(label[rows[:, None], cols])


def _nearest(old: int, new: int) -> np.ndarray:
    # Integers, since (i + 0.5) * old / new is not exact in floating point: floor((2i + 1) * old / (2 * new)).
    return (2 * np.arange(new) + 1) * old // (2 * new)
