"""Writes classes as a GeoTIFF on the grid of a raster."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mmuda.datasets.raster.checked_writing import CheckedWriter
from mmuda.datasets.raster.output import raster_like
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.palettes import colour_table


@contextmanager
def label_raster(
    path: str | os.PathLike,
    like: str,
    palette: Sequence[Sequence[int]],
    inputs: Iterable[str | os.PathLike] = (),
) -> Iterator[CheckedWriter]:
    """Open a GeoTIFF of classes; it appears under its name when the block ends, whole, or not at all.

    It has one uint8 band with a colour table, and the size and georeference (if any) of another raster. Pixels that are
    not written hold 255, the "no data" value. Only the blocks being written are held in memory.

    Args:
        path: The file; its folder is created.
        like: Raster whose grid is copied.
        palette: RGB colours by class index.
        inputs: Files that must not be replaced, as for :func:`raster_like`.

    Yields:
        rasterio's writer.

    Raises:
        UserError: If the file is an input, or cannot be written.

    Example:
        >>> with label_raster('classes.tif', 'image.tif', palette) as output:
        ...     output.write(label, 1, window=window)
    """
    with raster_like(path, like, count=1, inputs=inputs, nodata=IGNORE_INDEX) as output:
        output.write_colormap(1, colour_table(palette))
        yield output
