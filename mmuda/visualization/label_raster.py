"""Writing classes as a GeoTIFF on the grid of a raster."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rasterio

from mmuda.datasets.raster_io import open_raster
from mmuda.datasets.raster_output import raster_like
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
    source = open_raster(like)
    blocks = dict(tiled=True, blockxsize=BLOCK, blockysize=BLOCK) if min(source.shape) >= BLOCK else {}
    with raster_like(path, like, count=1, nodata=NO_PREDICTION, **blocks) as output:
        output.write_colormap(1, colour_table(palette))
        yield output
