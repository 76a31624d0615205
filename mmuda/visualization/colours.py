"""Colours of classes."""

from collections.abc import Sequence

import numpy as np

IGNORED_COLOUR = (128, 128, 128)


def colour_labels(label: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Class indices (H, W) as an RGB image (H, W, 3) uint8; other values (255) become grey."""
    table = np.full((256, 3), IGNORED_COLOUR, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    return table[label]


def viewable(image: np.ndarray, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """A displayable image, from bands of any kind.

    Args:
        image: (H, W, C), any dtype; the first three bands become red, green and blue, fewer become grey.
        value_range: Values that become black and white; None keeps uint8 unchanged, and uses the 1st and 99th
            percentile otherwise.

    Returns:
        (H, W, 3) uint8.
    """
    image = image[..., :3] if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, axis=-1)
    if value_range is None:
        if image.dtype == np.uint8:
            return image
        value_range = np.nanpercentile(image, (1, 99))
    low, high = value_range
    share = (image.astype(np.float32) - low) / max(float(high) - float(low), 1e-6)
    return (255 * np.nan_to_num(share).clip(0, 1)).astype(np.uint8)
