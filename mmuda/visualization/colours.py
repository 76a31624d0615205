"""Colours of classes."""

from collections.abc import Sequence

import numpy as np

IGNORED_COLOUR = (128, 128, 128)


def colour_labels(label: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Class indices (H, W) as an RGB image (H, W, 3) uint8; what is no class (255) becomes grey."""
    table = np.full((256, 3), IGNORED_COLOUR, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    return table[label]


def colour_table(palette: Sequence[Sequence[int]]) -> dict[int, tuple[int, int, int, int]]:
    """Colour table of a GeoTIFF, RGBA by class index; 255, no data, is transparent."""
    table = {index: (*(int(value) for value in colour), 255) for index, colour in enumerate(palette)}
    return {**table, 255: (0, 0, 0, 0)}


def default_palette(num_classes: int) -> list[list[int]]:
    """Pascal VOC's colours, for a dataset without its own: the bits of the index spread over the channels."""
    palette = []
    for index in range(num_classes):
        colour, bits = [0, 0, 0], index
        for shift in range(7, -1, -1):
            for channel in range(3):
                colour[channel] |= (bits >> channel & 1) << shift
            bits >>= 3
        palette.append(colour)
    return palette
