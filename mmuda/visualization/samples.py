"""Crops of several domains at one ground scale, with labels laid over them, a scale bar and marks for missing data."""

from __future__ import annotations

import cv2
import numpy as np

from mmuda.structures import IGNORE_INDEX
from mmuda.visualization.colours import colour_labels

MISSING_COLOUR = (255, 0, 255)
"""Colour of the stripes over pixels without data."""
OPACITY = 0.5
STRIPE = 8
BAR_SHARE = 0.25
"""A scale bar is at most this share of the picture."""


def at_ground_scale(image: np.ndarray, pixel: float, canvas_pixel: float, side: int) -> np.ndarray:
    """Draw an image at a ground scale, in the middle of a white square.

    Args:
        image: (H, W, 3) uint8.
        pixel: Metres per pixel of the image.
        canvas_pixel: Metres per pixel of the picture.
        side: Side of the square in pixels.

    Returns:
        (side, side, 3) uint8; what does not fit is cut off.
    """
    height, width = (max(1, round(length * pixel / canvas_pixel)) for length in image.shape[:2])
    smaller = height < image.shape[0]
    drawn = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_NEAREST)
    drawn = drawn[:side, :side]
    canvas = np.full((side, side, 3), 255, dtype=np.uint8)
    top, left = (side - drawn.shape[0]) // 2, (side - drawn.shape[1]) // 2
    canvas[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return canvas


def overlay_labels(image: np.ndarray, label: np.ndarray, palette) -> np.ndarray:
    """Lay the colours of classes over an image; ignored pixels show the image, darkened.

    Args:
        image: (H, W, 3) uint8.
        label: (H, W) of class indices; 255 is ignored.
        palette: Colours of the classes, RGB 0 to 255.

    Returns:
        (H, W, 3) uint8.
    """
    colours = colour_labels(label, palette).astype(np.float32)
    colours[label == IGNORE_INDEX] = 0
    return ((1 - OPACITY) * image + OPACITY * colours).round().astype(np.uint8)


def mark_missing(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Draw stripes over pixels without data.

    Args:
        image: (H, W, 3) uint8.
        missing: (H, W) bool.

    Returns:
        (H, W, 3) uint8.
    """
    rows, cols = np.indices(missing.shape)
    stripes = missing & ((rows + cols) // (STRIPE // 2) % 2 == 0)
    return np.where(stripes[..., None], np.array(MISSING_COLOUR, dtype=np.uint8), image)


def scale_bar_length(width: float) -> float:
    """Metres of a scale bar for a picture of so many metres: 1, 2 or 5 times a power of 10."""
    most = BAR_SHARE * width
    power = 10.0 ** np.floor(np.log10(most))
    return float(power * max(step for step in (1, 2, 5) if step * power <= most))


def draw_scale_bar(image: np.ndarray, pixel: float) -> float:
    """Draw a black bar on white into the lower left corner.

    Args:
        image: (H, W, 3) uint8; changed in place.
        pixel: Metres per pixel.

    Returns:
        Its length in metres: 1, 2 or 5 times a power of 10.
    """
    length = scale_bar_length(image.shape[1] * pixel)
    pixels = max(2, round(length / pixel))
    margin, thick = max(2, image.shape[0] // 50), max(2, image.shape[0] // 80)
    bottom = image.shape[0] - margin
    image[bottom - 3 * thick : bottom, margin : margin + pixels + 2 * thick] = 255
    image[bottom - 2 * thick : bottom - thick, margin + thick : margin + thick + pixels] = 0
    return length
