"""Writes rasters, often on the grid of another one, whole or not at all."""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mmuda.datasets.raster.checked_writing import CheckedWriter, unwritten
from mmuda.datasets.raster.geometry import georeference
from mmuda.datasets.raster.reading import files_of, forget_raster, open_raster
from mmuda.utils.inputs import note_output, refuse_input
from mmuda.utils.locks import lock_of, waiting_for
from mmuda.utils.writing import refuse_folder, telling

BLOCK = 256
# Files that other programs keep next to a raster, and would wrongly use for the new one.
SIDECARS = ('.aux.xml', '.ovr', '.msk')


@contextmanager
def raster_like(
    path: str | os.PathLike, like: str, count: int, inputs: Iterable[str | os.PathLike] = (), **profile
) -> Iterator[CheckedWriter]:
    """Open a uint8 GeoTIFF with another raster's size and georeference, see :func:`new_raster`.

    Args:
        path: The file; its folder is created.
        like: Raster whose grid is copied.
        count: Number of bands.
        inputs: Further files that must not be replaced, in addition to ``like``, its sources, and files that this
            process reads.
        **profile: Further creation options of rasterio.

    Yields:
        rasterio's writer. Only the blocks being written are held in memory.

    Raises:
        UserError: If the file is an input, or cannot be written.
    """
    source = open_raster(like)
    grid = dict(height=source.height, width=source.width, **georeference(source))
    with new_raster(path, count=count, inputs=[*files_of(like), *inputs], **{**profile, **grid}) as output:
        yield output


@contextmanager
def new_raster(
    path: str | os.PathLike,
    height: int,
    width: int,
    count: int,
    inputs: Iterable[str | os.PathLike] = (),
    dtype: str = 'uint8',
    **profile,
) -> Iterator[CheckedWriter]:
    """Open a GeoTIFF, compressed by deflate; it appears when the block ends, or not at all.

    Before it appears, every block is read back and compared with what was written. If the disk was full, an older file
    stays.

    Args:
        path: The file; its folder is created.
        height: Number of rows.
        width: Number of columns.
        count: Number of bands.
        inputs: Files that must not be replaced, in addition to those that this process reads.
        dtype: Type of the values.
        **profile: Georeference and further creation options of rasterio.

    Yields:
        rasterio's writer. Only the blocks being written are held in memory.

    Raises:
        UserError: If the file is an input, or cannot be written.
    """
    path = Path(path)
    refuse_input(path, inputs)
    # A fixed name, so that the next process overwrites the remains of a killed one.
    temporary = path.with_name(f'.{path.name}.tmp')
    profile.update(driver='GTiff', height=height, width=width, count=count, dtype=dtype)
    profile.update(compress='deflate', BIGTIFF='IF_SAFER')
    if min(height, width) >= BLOCK:
        profile.update(tiled=True, blockxsize=BLOCK, blockysize=BLOCK)
    with ExitStack() as alone:
        with telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            refuse_folder(path)
            alone.enter_context(waiting_for(lock_of(path)))  # the last one wins
            _remove(temporary)
        try:
            output = _create(temporary, path, profile)
            with output.closing():
                yield output
            _check(output, temporary)
            with telling(path):
                _publish(temporary, path)
        except BaseException:
            _remove(temporary)
            raise
    forget_raster(path)
    note_output(path)


def _create(temporary: Path, path: Path, profile: Mapping) -> CheckedWriter:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            return CheckedWriter(rasterio.open(temporary, 'w', **profile), path)
    except (rasterio.errors.RasterioError, OSError) as error:
        raise unwritten(path, str(error)) from error


def _check(output: CheckedWriter, temporary: Path) -> None:
    with telling(output.path), temporary.open('rb') as file:
        os.fsync(file.fileno())
    problem = output.differs(temporary)
    if problem:
        raise unwritten(output.path, problem)


def _publish(temporary: Path, path: Path) -> None:
    """Rename the file and GDAL's side files, and remove the side files of the old one."""
    os.replace(temporary, path)
    for suffix in SIDECARS:
        beside = Path(f'{temporary}{suffix}')
        if beside.is_file():
            os.replace(beside, f'{path}{suffix}')
        else:
            Path(f'{path}{suffix}').unlink(missing_ok=True)


def _remove(temporary: Path) -> None:
    for suffix in ('', *SIDECARS):
        Path(f'{temporary}{suffix}').unlink(missing_ok=True)
