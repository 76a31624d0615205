"""Colours of classes, and the colour table of a raster."""

from collections.abc import Sequence

NO_CLASS = 255  # what is ignored or holds no data


def colour_table(palette: Sequence[Sequence[int]]) -> dict[int, tuple[int, int, int, int]]:
    """Colour table of a GeoTIFF, RGBA by class index; 255, no data, is transparent."""
    table = {index: (*(int(value) for value in colour), 255) for index, colour in enumerate(palette)}
    return {**table, NO_CLASS: (0, 0, 0, 0)}


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
