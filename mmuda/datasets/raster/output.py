"""Writing rasters on the grid of another one, whole or not at all."""

import errno
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
from mmuda.utils.locks import open_alone
from mmuda.utils.writing import telling

BLOCK = 256
# What other programs keep beside a raster, and would go on showing for the new one.
SIDECARS = ('.aux.xml', '.ovr', '.msk')


@contextmanager
def raster_like(
    path: str | os.PathLike, like: str, count: int, inputs: Iterable[str | os.PathLike] = (), **profile
) -> Iterator[CheckedWriter]:
    """Open a GeoTIFF of uint8 with the size and place of another raster; it appears when the block ends, or not at all.

    Before it appears it is read back, every block, and compared with what was written: where the disk was full, an
    older file stays.

    Args:
        path: The file; its folder is made.
        like: Raster whose grid it has.
        count: Number of bands.
        inputs: Further files that must not be replaced, beside ``like``, its sources, and what this process reads.
        **profile: Further creation options of rasterio.

    Yields:
        rasterio's writer. Only blocks that are being written are held in memory.

    Raises:
        UserError: If the file is an input, or cannot be written.
    """
    path = Path(path)
    source = open_raster(like)
    refuse_input(path, [*files_of(like), *inputs])
    # A fixed name: what a killed process left behind is overwritten by the next one.
    temporary = path.with_name(f'.{path.name}.tmp')
    profile.update(driver='GTiff', height=source.height, width=source.width, count=count, dtype='uint8')
    profile.update(compress='deflate', BIGTIFF='IF_SAFER')
    if min(source.shape) >= BLOCK:
        profile.update(tiled=True, blockxsize=BLOCK, blockysize=BLOCK)
    profile.update(georeference(source))
    with ExitStack() as alone:
        with telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            alone.enter_context(_alone(path))
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


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Another process that writes the same file waits; the last one counts."""
    # A file of its own: GDAL makes the temporary one anew, so a lock on that would not hold.
    lock = path.with_name(f'.{path.name}.lock')
    with open_alone(lock, wait=True):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


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
    """Give the file its name, with what GDAL put beside it and without what lies beside the old one."""
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
