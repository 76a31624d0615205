"""Small class maps as files, and the polygons made of them."""

import warnings
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
import shapely
from rasterio import Affine
from rasterio.errors import NotGeoreferencedWarning
from scipy import ndimage

from mmuda.apis import polygonize_map

UTM = dict(crs='EPSG:32636', transform=Affine(0.3, 0, 450000, 0, -0.3, 40000))


def write_map(path, values, crs=None, transform=None, names=(), **profile):
    """Write a GeoTIFF with one band; GDAL reads the names of its values from the file beside it."""
    values = np.asarray(values)
    values = values.astype(np.uint8) if values.dtype == float and 'dtype' not in profile else values
    settings = dict(driver='GTiff', height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path, 'w', **{**settings, 'crs': crs, 'transform': transform, **profile}) as raster:
            raster.write(values, 1)
    if names:
        entries = ''.join(f'<Category>{name}</Category>' for name in names)
        Path(f'{path}.aux.xml').write_text(
            f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{entries}</CategoryNames></PAMRasterBand></PAMDataset>'
        )
    return str(path)


def scene(seed=0, height=90, width=70):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random((height, width)), 2)
    values = np.digitize(field, np.quantile(field, [0.5, 0.8])).astype(np.uint8)
    values[:5, :9] = 255
    return values


def run(*args, **options):
    lines = []
    return polygonize_map(*args, report=lines.append, **options), lines


def read(path):
    """Geometries, attributes by name and reference system of a file."""
    meta, _, shapes, columns = pyogrio.raw.read(path)
    return shapely.from_wkb(shapes), dict(zip(meta['fields'].tolist(), columns, strict=True)), meta['crs']
