"""Maps of classes for tests: random ones, and how they are written as rasters and polygons."""

from xml.sax.saxutils import escape

import numpy as np
import pyogrio
import rasterio
import shapely
from rasterio import Affine
from scipy import ndimage

from mmuda.datasets.raster.geometry import apply_transform

UTM = 'EPSG:32636'
NORTH_UP = Affine(0.5, 0.0, 450000.0, 0.0, -0.5, 40000.0)


def patches(shape, num_classes=3, seed=0, sigma=2.0):
    """Random classes in patches, (H, W) uint8."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return np.digitize(field, np.quantile(field, np.arange(1, num_classes) / num_classes)).astype(np.uint8)


def with_errors(label, seed=1, share=0.15, ignored=0.02):
    """The classes with some patches replaced, and single pixels ignored."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=label.shape), 1.0)
    found = np.where(noise > np.quantile(noise, 1 - share), rng.permutation(int(label.max()) + 1)[label], label)
    found[rng.random(label.shape) < ignored] = 255
    return found.astype(np.uint8)


def write_classes(path, array, transform=NORTH_UP, crs=UTM, names=(), colours=None, **profile):
    """Write (H, W) or (3, H, W) as a GeoTIFF, with GDAL's category names beside it; gives the path as text."""
    bands = array[None] if array.ndim == 2 else array
    count, height, width = bands.shape
    profile = dict(driver='GTiff', dtype=array.dtype, crs=crs, transform=transform) | profile
    with rasterio.open(path, 'w', height=height, width=width, count=count, **profile) as output:
        output.write(bands)
        if colours:
            output.write_colormap(1, {value: (*colour, 255) for value, colour in enumerate(colours)})
    if names:
        listed = ''.join(f'<Category>{escape(name)}</Category>' for name in names)
        text = (
            f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{listed}</CategoryNames></PAMRasterBand></PAMDataset>'
        )
        path.with_name(f'{path.name}.aux.xml').write_text(text)
    return str(path)


def write_polygons(path, shapes, crs=UTM, **attributes):
    """Write shapely geometries with attributes (lists) as a vector file; gives the path as text."""
    geometry = shapely.to_wkb(np.array(shapes, dtype=object))
    fields = [np.array(values, dtype=object) for values in attributes.values()]
    pyogrio.raw.write(path, geometry, fields, list(attributes), geometry_type='Polygon', crs=crs)
    return str(path)


def box(row, col, height, width, transform=NORTH_UP):
    """The polygon of a window (row, col, height, width) in pixels."""
    corners = [(col, row), (col + width, row), (col + width, row + height), (col, row + height)]
    return shapely.Polygon(np.column_stack(apply_transform(transform, *np.array(corners).T)))


def pixel_centres(shape, transform=NORTH_UP):
    """x and y of the centres of all pixels, each (H, W)."""
    rows, cols = np.mgrid[: shape[0], : shape[1]] + 0.5
    return apply_transform(transform, cols, rows)
