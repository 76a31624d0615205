"""Small class maps as files."""

import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning


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
