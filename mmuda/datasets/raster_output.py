"""Writing rasters on the grid of another one, whole or not at all."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mmuda.datasets.raster_geometry import georeference
from mmuda.datasets.raster_io import open_raster


@contextmanager
def raster_like(path: str | os.PathLike, like: str, count: int, **profile) -> Iterator[rasterio.io.DatasetWriter]:
    """Open a GeoTIFF of uint8 with the size and place of another raster; it appears when the block ends, or not at all.

    Args:
        path: The file; its folder is made.
        like: Raster whose grid it has.
        count: Number of bands.
        **profile: Further creation options of rasterio.

    Yields:
        rasterio's writer. Only blocks that are being written are held in memory.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed name: what a killed process left behind is overwritten by the next one.
    temporary = path.with_name(f'.{path.name}.tmp')
    source = open_raster(like)
    profile.update(driver='GTiff', height=source.height, width=source.width, count=count, dtype='uint8')
    profile.update(compress='deflate', BIGTIFF='IF_SAFER')
    profile.update(georeference(source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            output = rasterio.open(temporary, 'w', **profile)
        with output:
            yield output
        with temporary.open('rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
