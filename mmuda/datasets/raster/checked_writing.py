"""Writes a raster and verifies that every block reached the disk."""

from __future__ import annotations

import os
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from mmuda.utils.errors import UserError
from mmuda.utils.writing import why_unwritten

# A piece of a block: first and last row and column inside the block, bands, checksum.
Piece = tuple[int, int, int, int, tuple[int, ...], int]


class CheckedWriter:
    """rasterio's writer, which also keeps checksums of the data passed to it.

    GDAL caches blocks and writes them later, the last ones when the file is closed. If the disk is full by then, it
    only prints a line on the terminal. A block that was not written reads as "no data", without an error.

    Args:
        writer: An open rasterio.DatasetWriter; all methods except :meth:`write` are passed on to it.
        path: Final name of the file, for error messages.
    """

    def __init__(self, writer, path: Path) -> None:
        self.path = path
        self._writer = writer
        self._shape = (writer.count, writer.height, writer.width)
        self._block = writer.block_shapes[0]
        self._pieces: dict[tuple[int, int], list[Piece]] = defaultdict(list)

    def __getattr__(self, name: str):
        return getattr(self._writer, name)

    def set_scale(self, scale: float) -> None:
        """State what readers are to multiply the values of all bands with."""
        self._writer.scales = [scale] * self._writer.count

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Close the file at the end of the block, also after an error.

        Raises:
            UserError: If GDAL then reports that it could not be written.
        """
        try:
            yield
        except BaseException:
            with self._telling(quiet=True):
                self._writer.close()
            raise
        with self._telling():
            self._writer.close()

    @contextmanager
    def _telling(self, quiet: bool = False) -> Iterator[None]:
        try:
            yield
        except RasterioError as error:
            if not quiet:
                raise unwritten(self.path, str(error)) from error

    def write(
        self, array: np.ndarray, indexes: int | Sequence[int] | None = None, window: Window | None = None
    ) -> None:
        """Write an array of the raster's dtype, as rasterio does.

        Args:
            array: (height, width) with one index, else (bands, height, width).
            indexes: Band or bands, counted from 1; None is all.
            window: Window to write; None is the whole raster.

        Raises:
            UserError: If it cannot be written to disk.
        """
        array = np.asarray(array).astype(self._writer.dtypes[0], casting='safe', copy=False)
        bands, height, width = self._shape
        window = window or Window(0, 0, width, height)
        with self._telling():
            self._writer.write(array, indexes, window=window)
        chosen = (indexes,) if isinstance(indexes, int) else tuple(indexes or range(1, bands + 1))
        self._remember(array[None] if array.ndim == 2 else array, chosen, int(window.row_off), int(window.col_off))

    def _remember(self, array: np.ndarray, bands: tuple[int, ...], row: int, col: int) -> None:
        height, width = self._block
        bottom, right = row + array.shape[1], col + array.shape[2]
        for i in range(row // height, -(-bottom // height)):
            top, end = max(row, i * height), min(bottom, (i + 1) * height)
            for j in range(col // width, -(-right // width)):
                left, last = max(col, j * width), min(right, (j + 1) * width)
                checksum = _checksum(array[:, top - row : end - row, left - col : last - col])
                place = top - i * height, end - i * height, left - j * width, last - j * width
                self._pieces[i, j].append((*place, bands, checksum))

    def differs(self, path: str | os.PathLike) -> str | None:
        """Read the closed file back, block by block, and compare.

        Args:
            path: The written file.

        Returns:
            What is wrong with it; None if every block can be read and holds the last data written to it.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', NotGeoreferencedWarning)
                file = rasterio.open(path, driver='GTiff')
            with file:
                if (file.count, *file.shape) != self._shape:
                    return 'its header is wrong'
                for place, window in file.block_windows(1):
                    if not _holds(file.read(window=window), self._pieces.get(place, ())):
                        return f'its block at row {window.row_off}, column {window.col_off} holds something else'
        except RasterioError as error:
            return str(error)
        return None


def write_raster(path: str | os.PathLike, array: np.ndarray, **profile) -> None:
    """Write an array as a GeoTIFF and read it back.

    Args:
        path: The file.
        array: (bands, height, width), or (height, width).
        **profile: Creation options of rasterio, in addition to size and dtype.

    Raises:
        UserError: If it could not be written.
    """
    bands = array[None] if array.ndim == 2 else array
    size = dict(zip(('count', 'height', 'width'), bands.shape, strict=True))
    try:
        output = CheckedWriter(
            rasterio.open(path, 'w', driver='GTiff', dtype=array.dtype, **size, **profile), Path(path)
        )
    except RasterioError as error:
        raise unwritten(Path(path), str(error)) from error
    with output.closing():
        output.write(bands)
    problem = output.differs(path)
    if problem:
        raise unwritten(Path(path), problem)


def unwritten(path: Path, detail: str) -> UserError:
    """The error for a raster that could not be written; it contains ``detail`` if the system gives no reason."""
    reason = why_unwritten(path.parent) or f'what was written cannot be read back ({detail}); choose another folder'
    return UserError(f'{path} cannot be written: {reason}')


def _holds(block: np.ndarray, pieces: Sequence[Piece]) -> bool:
    replaced = np.zeros(block.shape, dtype=bool)
    for top, end, left, last, bands, checksum in reversed(pieces):
        place = [band - 1 for band in bands], slice(top, end), slice(left, last)
        # Pieces that a later one has replaced, even in part, have another checksum now.
        if not replaced[place].any() and _checksum(block[place]) != checksum:
            return False
        replaced[place] = True
    return True


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array))
