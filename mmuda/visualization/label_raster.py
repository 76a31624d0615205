"""Writing classes as a GeoTIFF on the grid of a raster."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mmuda.datasets.raster_io import open_raster
from mmuda.visualization.colours import colour_table

# mmseg's label of what counts for nothing; here: pixels that were not predicted.
NO_PREDICTION = 255
BLOCK = 256


@contextmanager
def label_raster(
    path: str | os.PathLike, like: str, palette: Sequence[Sequence[int]]
) -> Iterator[rasterio.io.DatasetWriter]:
    """Open a GeoTIFF of classes; it appears under its name when the block ends, whole, or not at all.

    One uint8 band with a colour table and the size, and georeference if any, of another raster. What is not written
    is 255, its "no data" value. Only blocks that are being written are held in memory.

    Args:
        path: The file; its folder is made.
        like: Raster whose grid it has.
        palette: RGB colours by class index.

    Yields:
        rasterio's writer.

    Example:
        >>> with label_raster('classes.tif', 'image.tif', palette) as output:
        ...     output.write(label, 1, window=window)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed name: what a killed process left behind is overwritten by the next one.
    temporary = path.with_name(f'.{path.name}.tmp')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            output = rasterio.open(temporary, 'w', **_profile(like))
        with output:
            output.write_colormap(1, colour_table(palette))
            yield output
        with temporary.open('rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _profile(like: str) -> dict:
    source = open_raster(like)
    profile = dict(driver='GTiff', height=source.height, width=source.width, count=1, dtype='uint8')
    profile.update(nodata=NO_PREDICTION, compress='deflate', BIGTIFF='IF_SAFER')
    if source.crs:
        profile.update(crs=source.crs, transform=source.transform)
    if min(source.shape) >= BLOCK:
        profile.update(tiled=True, blockxsize=BLOCK, blockysize=BLOCK)
    return profile
