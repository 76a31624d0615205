"""Names of the values of a raster, as GDAL keeps them."""

import uuid
import warnings
from xml.etree import ElementTree

import rasterio
import rasterio.shutil
from rasterio.errors import NotGeoreferencedWarning

from mmuda.datasets.raster.reading import open_raster


def category_names(path: str) -> dict[int, str]:
    """GDAL's category names of a raster's first band: value -> name.

    Args:
        path (str): The raster; beside a GeoTIFF, the names are in ``<name>.aux.xml``.
    """
    # rasterio does not hand them out, but GDAL writes them into a virtual copy of the header.
    copy = f'/vsimem/{uuid.uuid4().hex}.vrt'
    rasterio.shutil.copy(open_raster(path), copy, driver='VRT')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            virtual = rasterio.open(copy)
        with virtual:
            text = virtual.tags(ns='xml:VRT')['xml:VRT']
    finally:
        rasterio.shutil.delete(copy)
    found = ElementTree.fromstring(text).findall('VRTRasterBand[@band="1"]/CategoryNames/Category')
    return {value: entry.text.strip() for value, entry in enumerate(found) if (entry.text or '').strip()}
