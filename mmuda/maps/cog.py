"""Writes a raster on the grid of another one as a Cloud Optimized GeoTIFF, whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError  # what a copy raises, which has no public name
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from mmuda.datasets.raster.checked_writing import CheckedWriter, unwritten
from mmuda.datasets.raster.output import raster_like
from mmuda.datasets.raster.reading import files_of, forget_raster
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import note_output, refuse_input
from mmuda.utils.writing import refuse_folder, telling

BLOCK = 512


@contextmanager
def cog_like(
    path: str | os.PathLike,
    like: str,
    count: int = 1,
    dtype: str = 'uint8',
    nodata: float | None = None,
    colours: Mapping[int, tuple[int, int, int, int]] | None = None,
    categories: Sequence[str] = (),
    descriptions: Sequence[str] = (),
    scale: float | None = None,
    inputs: Iterable[str | os.PathLike] = (),
) -> Iterator[CheckedWriter]:
    """Open a raster that becomes a Cloud Optimized GeoTIFF with overviews when the block ends.

    Args:
        path: The file; its folder is created.
        like: Raster whose size and georeference are copied.
        count: Number of bands.
        dtype: Type of the values.
        nodata: Value that means no data.
        colours: Colour table of the first band, RGBA by value; such a raster holds classes, so that its overviews take
            the most frequent one.
        categories: Names of the values from 0 on. GDAL keeps them in a file beside, ``<path>.aux.xml``, and with
            ``colours`` QGIS takes its legend from another, ``.qml``: the colour table of a GeoTIFF always has 256
            entries, all of which it would list.
        descriptions: Names of the bands.
        scale: What a value is to be multiplied with, for the reader.
        inputs: Files that must not be replaced, besides ``like``.

    Yields:
        rasterio's writer.

    Raises:
        UserError: The file is an input, or cannot be written.
    """
    path = Path(path)
    refuse_input(path, [*files_of(like), *inputs])
    with telling(path):
        refuse_folder(path)
    plain, temporary = path.with_name(f'.{path.name}.plain'), path.with_name(f'.{path.name}.cog')
    try:
        with raster_like(plain, like, count, inputs, dtype=dtype, nodata=nodata) as output:
            if colours is not None:
                output.write_colormap(1, colours)
            for number, description in enumerate(descriptions, 1):
                output.set_band_description(number, description)
            if scale is not None:
                output.set_scale(scale)
            yield output
        _copy(plain, temporary, path, 'mode' if colours is not None else 'average')
        names_beside, style_beside = Path(f'{path}.aux.xml'), path.with_suffix('.qml')
        with telling(path):
            names_beside.unlink(missing_ok=True)
            style_beside.unlink(missing_ok=True)
            os.replace(temporary, path)
        if categories:
            write_atomically(_categories(categories).encode(), names_beside)
        if categories and colours is not None:
            write_atomically(_style(categories, colours).encode(), style_beside)
    finally:
        for file in (plain, temporary):
            for suffix in ('', '.aux.xml'):
                Path(f'{file}{suffix}').unlink(missing_ok=True)
    forget_raster(path)
    note_output(path)


def _copy(plain: Path, temporary: Path, path: Path, resampling: str) -> None:
    options = dict(BLOCKSIZE=BLOCK, COMPRESS='DEFLATE', PREDICTOR='NO', BIGTIFF='IF_SAFER', NUM_THREADS='ALL_CPUS')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        try:
            rasterio.shutil.copy(plain, temporary, driver='COG', OVERVIEW_RESAMPLING=resampling.upper(), **options)
            with telling(path), temporary.open('rb') as file:
                os.fsync(file.fileno())
            with rasterio.open(plain, driver='GTiff') as ours, rasterio.open(temporary, driver='GTiff') as copied:
                if (ours.shape, ours.count) != (copied.shape, copied.count):
                    raise unwritten(path, 'its header is wrong')
                for _, window in copied.block_windows(1):
                    if not np.array_equal(ours.read(window=window), copied.read(window=window), equal_nan=True):
                        raise unwritten(path, f'its block at row {window.row_off} holds something else')
        except (RasterioError, CPLE_BaseError) as error:
            raise unwritten(path, str(error)) from error


def _style(names: Sequence[str], colours: Mapping[int, tuple[int, int, int, int]]) -> str:
    """A legend in QGIS's format, with the classes alone."""
    lines = ''.join(
        f'        <paletteEntry value="{value}" color="#{red:02x}{green:02x}{blue:02x}" alpha="{alpha}" '
        f'label={quoteattr(name)}/>\n'
        for value, name in enumerate(names)
        for red, green, blue, alpha in [colours[value]]
    )
    return (
        '<qgis version="3.0" styleCategories="Symbology">\n  <pipe>\n'
        '    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">\n      <colorPalette>\n'
        f'{lines}      </colorPalette>\n    </rasterrenderer>\n  </pipe>\n</qgis>\n'
    )


def _categories(names: Sequence[str]) -> str:
    lines = ''.join(f'      <Category>{escape(name)}</Category>\n' for name in names)
    return (
        '<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>\n'
        f'{lines}    </CategoryNames>\n  </PAMRasterBand>\n</PAMDataset>\n'
    )
