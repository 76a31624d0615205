"""Names and colours of a raster's classes, as its file tells them."""

from __future__ import annotations

import uuid
from xml.etree import ElementTree

import rasterio.shutil

from mmuda.datasets.raster.label_colours import Colour, colour_table_of
from mmuda.datasets.raster.reading import open_raster

# GDAL fills the values that a file leaves out with this colour.
_UNUSED = (0, 0, 0)


def category_names(path: str) -> tuple[str, ...]:
    """The names of the values 0, 1, ... of a raster's first band: GDAL's category names.

    Args:
        path (str): A raster; GDAL keeps the names of a GeoTIFF in the ``.aux.xml`` beside it.

    Returns:
        tuple[str, ...]: The names without empty ones at the end, others of which are ``class 1`` and so on by their
        number; () if the file has none.
    """
    # rasterio does not hand out category names; a virtual copy of the header spells them out.
    copy = f'/vsimem/{uuid.uuid4().hex}.vrt'
    try:
        rasterio.shutil.copy(open_raster(path), copy, driver='VRT')
        with rasterio.open(copy) as virtual:
            text = virtual.tags(ns='xml:VRT').get('xml:VRT', '<VRTDataset/>')
    finally:
        rasterio.shutil.delete(copy)
    band = ElementTree.fromstring(text).find('VRTRasterBand/CategoryNames')
    names = [] if band is None else [(category.text or '').strip() for category in band]
    while names and not names[-1]:
        names.pop()
    return tuple(name or f'class {value}' for value, name in enumerate(names))


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
