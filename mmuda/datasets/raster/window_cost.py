"""How many pixels are decoded to read a window of a raster, and how to write a raster of which fewer are."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

import numpy as np

from mmuda.datasets.raster.damage import vrt_sources
from mmuda.datasets.raster.reading import open_raster

TILE = 256
"""Side in pixels of the tiles of the command that rewrites a raster."""

# A window is slow to read if that many times its pixels are decoded, and so many that it takes some 20 ms. A pixel of
# JPEG 2000 takes about ten times as long as one of deflate.
_FACTOR = 10.0
_FACTOR_OF_JPEG2000 = 2.0
_PIXELS = 2_000_000
_FROM_THE_TOP = ('PNG', 'JPEG')

# Files of more bytes may need BigTIFF. Types that are not listed count as 8 bytes.
_BIG = 2**31
_BYTES = dict(uint8=1, int8=1, uint16=2, int16=2, uint32=4, int32=4, float32=4)


@dataclass(frozen=True)
class WindowCost:
    """What it takes to read windows of one size from random places of a raster.

    Attributes:
        path (str): The raster; of a virtual one (VRT) the source that takes most.
        crop (tuple[int, int]): (height, width) of the windows in pixels.
        layout (str): How its pixels lie in the file, as the end of a sentence.
        pixels (float): Pixels that are decoded for a window, the mean over its possible places, nothing being cached.
        slow (bool): Whether another layout would be worth while.
        command (str): Command that writes the raster in tiles, as ``OUT.tif`` with equal pixels.
        gdal_command (str): The same with GDAL's own tool.
    """

    path: str
    crop: tuple[int, int]
    layout: str
    pixels: float
    slow: bool
    command: str
    gdal_command: str

    @property
    def factor(self) -> float:
        """Decoded pixels for each pixel of the window."""
        return self.pixels / (self.crop[0] * self.crop[1])


def window_cost(path: str, crop: tuple[int, int]) -> WindowCost:
    """What it takes to read windows of a raster.

    Args:
        path (str): The raster.
        crop (tuple[int, int]): (height, width) of the windows in pixels of the raster.

    Returns:
        WindowCost: The cost.
    """
    source = open_raster(path)
    parts = vrt_sources(source, path)
    if parts:
        return max((window_cost(part, crop) for part in parts), key=lambda cost: (cost.slow, cost.factor))
    shape, block = source.shape, source.block_shapes[0]
    crop = tuple(map(min, crop, shape))
    if source.driver in _FROM_THE_TOP or _is_one_strip(source):
        # Rows lie one behind the other; those above the window are decoded too, from the first one on.
        pixels = (shape[0] + crop[0]) / 2 * shape[1]
        what = 'lies in one strip' if source.driver == 'GTiff' else f'is a {source.driver}'
        layout = f'{what}, which is decoded from its first row on'
    else:
        rows, columns = (decoded_length(*sizes) for sizes in zip(shape, block, crop, strict=True))
        pixels = rows * columns
        layout = f'lies in blocks of {block[0]} x {block[1]} px'
    jpeg2000 = source.driver.startswith('JP2')
    least = _FACTOR_OF_JPEG2000 if jpeg2000 else _FACTOR
    return WindowCost(
        path=path,
        crop=crop,
        layout=f'is a JPEG 2000 file, whose pixels take long to decode, and {layout}' if jpeg2000 else layout,
        pixels=pixels,
        slow=pixels >= max(_PIXELS, least * crop[0] * crop[1]),
        command=_command(source, path),
        gdal_command=_gdal_command(source, path),
    )


def decoded_length(total: int, block: int, size: int) -> float:
    """Rows (or columns) that are decoded for a window, the mean over all its places in the raster.

    Args:
        total (int): Rows of the raster.
        block (int): Rows of the blocks that are decoded as a whole.
        size (int): Rows of the window.
    """
    starts = np.arange(total - size + 1)
    ends = np.minimum(-(-(starts + size) // block) * block, total)
    return float((ends - starts // block * block).mean())


def _is_one_strip(source) -> bool:
    """Whether all rows of a compressed TIFF are one block, although GDAL hands them out one by one."""
    if source.driver != 'GTiff' or source.compression is None or source.block_shapes[0] != (1, source.width):
        return False
    places = [source.get_tag_item(f'BLOCK_OFFSET_0_{row}', 'TIFF', bidx=1) for row in (0, 1, source.height - 1)]
    return source.height > 1 and places[0] is not None and places[1:] == [None, None]


def _options(source) -> dict[str, str | int]:
    plain = source.driver == 'GTiff' and source.compression is None
    options = dict(compress='none' if plain else 'deflate', blocksize=TILE, overviews='none')
    values = source.height * source.width * source.count
    return options | dict(bigtiff='yes') if values * _BYTES.get(source.dtypes[0], 8) > _BIG else options


def _command(source, path: str) -> str:
    # rasterio brings no gdal_translate, and `rio convert` loses colour tables and ground control points.
    options = ', '.join(f'{name}={json.dumps(value)}' for name, value in _options(source).items())
    code = f'import rasterio.shutil as s; s.copy({json.dumps(path)}, "OUT.tif", driver="COG", {options})'
    return f'python -c {shlex.quote(code)}'


def _gdal_command(source, path: str) -> str:
    options = ' '.join(f'-co {name.upper()}={str(value).upper()}' for name, value in _options(source).items())
    return f'gdal_translate -of COG {options} {shlex.quote(path)} OUT.tif'
