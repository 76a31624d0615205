"""Changes of colour and sharpness by kornia, which takes a second to load: only a view that needs it imports this."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from kornia.color import rgb_to_grayscale
from kornia.enhance import (
    adjust_brightness,
    adjust_brightness_accumulative,
    adjust_contrast,
    adjust_contrast_with_mean_subtraction,
    adjust_hue,
    adjust_saturation,
    adjust_saturation_with_gray_subtraction,
)
from kornia.filters import gaussian_blur2d
from torch import Tensor

COLOURS = 3  # bands that hue and saturation change: red, green, blue
REACH = 4  # standard deviations that the kernel of a blur covers to each side

Change = Callable[[Tensor, Tensor], Tensor]


def _shift(image: Tensor, factor: Tensor) -> Tensor:
    return adjust_brightness(image, factor - 1)


def _turn(image: Tensor, turns: Tensor) -> Tensor:
    return adjust_hue(image, 2 * math.pi * turns)


# Brightness, contrast, saturation and hue of images in [0, 1], by a factor (1 changes nothing) and for hue by turns.
# Results are clamped to [0, 1].
STYLES: dict[str, tuple[Change, Change, Change, Change]] = {
    'dacs': (_shift, adjust_contrast, adjust_saturation, _turn),
    'torchvision': (
        adjust_brightness_accumulative,
        adjust_contrast_with_mean_subtraction,
        adjust_saturation_with_gray_subtraction,
        _turn,
    ),
}


def jitter(image: Tensor, factors: Sequence[float], order: Sequence[int], style: str) -> Tensor:
    """One image with other colours.

    Args:
        image: (1, C, H, W) in [0, 1]; red, green and blue first. Values outside are clamped.
        factors: Of brightness, contrast and saturation (1 changes nothing), and turns of hue (0 changes nothing).
        order: In which order these four are applied.
        style: A key of :data:`STYLES`.

    Returns:
        (1, C, H, W) in [0, 1].
    """
    # As tensors on the CPU, which kornia moves without waiting for the device.
    factors = torch.tensor(factors, dtype=torch.float64).split(1)
    image = image.clamp(0, 1)
    colours, others = image[:, :COLOURS], image[:, COLOURS:]
    for index in order:
        change, is_of_colours = STYLES[style][index], index >= 2
        if colours.shape[1] == COLOURS or not is_of_colours:
            colours = change(colours, factors[index])
        if others.shape[1] and not is_of_colours:
            others = change(others, factors[index])
    return torch.cat([colours, others], dim=1)


def grey(images: Tensor) -> Tensor:
    """Images (N, C, H, W) whose first three bands all have their luma (BT.601); fewer bands stay unchanged."""
    if images.shape[1] < COLOURS:
        return images
    luma = rgb_to_grayscale(images[:, :COLOURS])
    return torch.cat([luma.expand(-1, COLOURS, -1, -1), images[:, COLOURS:]], dim=1)


def blur(image: Tensor, sigma: float) -> Tensor:
    """An image (1, C, H, W) after a Gaussian filter of ``sigma`` pixels; its borders are mirrored."""
    radius = min(math.ceil(REACH * sigma), *(length - 1 for length in image.shape[-2:]))
    return gaussian_blur2d(image, 2 * radius + 1, (sigma, sigma))
