"""Names and colours of a raster's classes, as its file tells them."""

from __future__ import annotations

from mmuda.datasets.raster.label_colours import Colour, colour_table_of
from mmuda.maps.categories import category_names

# GDAL fills the values that a file leaves out with this colour.
_UNUSED = (0, 0, 0)


def class_names(path: str) -> tuple[str, ...]:
    """The names of the values 0, 1, ... of a raster's first band: GDAL's category names.

    Args:
        path (str): A raster; GDAL keeps the names of a GeoTIFF in the ``.aux.xml`` beside it.

    Returns:
        tuple[str, ...]: The names; what has none between them is ``class 1`` and so on by its number; () if the file
        has none.
    """
    names = category_names(path)
    return tuple(names.get(value, f'class {value}') for value in range(max(names, default=-1) + 1))


def table_colours(path: str) -> list[Colour]:
    """The colours of the values 0, 1, ... in a raster's colour table, up to the last that is not black.

    Args:
        path (str): A raster.

    Returns:
        list[Colour]: (red, green, blue) in 0..255 of each value; [] without a colour table. 255, which usually means
        no data, is left out.
    """
    table = colour_table_of(path) or {}
    used = [value for value, colour in table.items() if colour != _UNUSED and value != 255]
    return [table.get(value, _UNUSED) for value in range(max(used, default=-1) + 1)]
