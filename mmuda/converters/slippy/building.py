"""Makes images and labels of a web map's tiles and of footprints."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio import Affine
from rasterio.transform import array_bounds
from rasterio.windows import Window

from mmuda.converters.slippy.footprints import Footprints, rasterized, read_footprints
from mmuda.converters.slippy.grid import CRS, Block, blocks_of, transform_of
from mmuda.converters.slippy.naming import Tile, find_tiles
from mmuda.converters.slippy.pixels import bands_of, read_tile
from mmuda.datasets.raster.output import new_raster
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.progress import Progress

IMAGES, LABELS = 'images', 'labels'


@dataclass(frozen=True)
class Tiles:
    """Tiles of one zoom and one form: (column, row) -> tile, the side in pixels, the number of bands and their type."""

    by_place: Mapping[tuple[int, int], Tile]
    zoom: int
    side: int
    count: int
    dtype: str

    def transform(self, block: Block) -> Affine:
        """Georeference of a block."""
        return transform_of(self.zoom, block.x, block.y, self.side)


def build_from_tiles(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    footprints: str | os.PathLike | None = None,
    attribute: str | None = None,
    classes: Mapping[str, int] | None = None,
    order: str | None = None,
    tms: bool = False,
    zoom: int | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, int]:
    """Write GeoTIFFs in EPSG:3857 from tiles of a web map, and labels on the same grid from footprints.

    Tiles that form a rectangle become one raster, others a raster of their own. Pixels without imagery are masked in
    the image, and 255 in the label.

    Args:
        folder: Folder with the tiles, see :func:`find_tiles`.
        out: Folder that receives ``images/*.tif`` and ``labels/*.tif``.
        footprints: GeoJSON file, see :func:`read_footprints`; None writes images alone.
        attribute: Property of the footprints that says their class.
        classes: Value of the attribute -> class.
        order: Order of the numbers in the names.
        tms: Rows count from south.
        zoom: Take only tiles of this zoom.
        report: Called with lines for the user.

    Returns:
        Number of ``tiles``, ``rasters``, ``footprints`` that lie on them, and ``other features``, which were left out.

    Raises:
        UserError: As both functions above; also if tiles differ in size or bands, if no footprint lies on the tiles, or
            if the folder holds other rasters.
    """
    found = find_tiles(os.fspath(folder), order, tms, zoom)
    polygons = None if footprints is None else read_footprints(footprints, attribute, classes)
    tiles = _of_one_form(found)
    blocks = blocks_of(tiles.by_place)
    counts = dict(tiles=len(found), rasters=len(blocks))
    if polygons is not None:
        counts['footprints'] = _check_overlap(polygons, tiles, blocks, footprints, tms)
        counts['other features'] = polygons.others
    names = {block: f'{_stem(found, folder)}z{tiles.zoom}_x{block.x}_y{block.y}.tif' for block in blocks}
    for part in (IMAGES, LABELS):
        _refuse_others(Path(out) / part, set(names.values()))
    progress = Progress(len(found), 'tiles written', report)
    done = 0
    for block, name in names.items():
        _write(tiles, block, Path(out), name, polygons)
        done += block.columns * block.rows
        progress.update(done)
    return counts


def _of_one_form(found: list[Tile]) -> Tiles:
    """Refuse tiles that do not fit together.

    Raises:
        UserError: Two differ in size, type or bands; grey beside colour is allowed.
    """
    forms = {tile: bands_of(tile.path) for tile in found}
    first = next(iter(forms))
    for tile, (side, count, dtype) in forms.items():
        same = side == forms[first][0] and dtype == forms[first][2] and {count, forms[first][1]} <= {1, 3}
        if not same and forms[tile] != forms[first]:
            raise UserError(
                f'the tile {tile.path} ({side} px, {count} bands of {dtype}) does not fit {first.path} '
                f'({forms[first][0]} px, {forms[first][1]} bands of {forms[first][2]}); convert each kind by itself'
            )
    side, _, dtype = forms[first]
    count = max(count for _, count, _ in forms.values())
    return Tiles({(tile.x, tile.y): tile for tile in found}, first.zoom, side, count, dtype)


def _check_overlap(polygons: Footprints, tiles: Tiles, blocks: list[Block], path, tms: bool) -> int:
    """Number of footprints on the tiles.

    Raises:
        UserError: It is 0; the error says so if it were not with rows counted the other way.
    """
    number = _on(polygons, tiles, blocks)
    if number:
        return number
    rows = 2**tiles.zoom
    flipped = [Block(block.x, rows - block.y - block.rows, block.columns, block.rows) for block in blocks]
    hint = 'they are of another place, or longitude and latitude are exchanged'
    if _on(polygons, tiles, flipped):
        hint = 'leave out --tms' if tms else 'the rows of these tiles count from south: give --tms'
    raise UserError(f'no footprint of {path} lies on the tiles; {hint}')


def _on(polygons: Footprints, tiles: Tiles, blocks: list[Block]) -> int:
    touching: set[int] = set()
    for block in blocks:
        bounds = array_bounds(block.rows * tiles.side, block.columns * tiles.side, tiles.transform(block))
        touching.update(id(geometry) for geometry, _ in polygons.touching(*bounds))
    return len(touching)


def _stem(found: list[Tile], folder: str | os.PathLike) -> str:
    """What the names of all tiles begin with, for the names of the rasters: ``'OAM_'``, or ''."""
    stems = {re.sub(r'[-_.]?\d+[-_.]\d+[-_.]\d+$', '', Path(tile.path).stem) for tile in found}
    stem = stems.pop() if len(stems) == 1 else ''
    return '' if not stem or stem.isdecimal() else f'{stem}_'


def _refuse_others(folder: Path, names: set[str]) -> None:
    others = sorted({path.name for path in folder.glob('*.tif')} - names)
    if others:
        raise UserError(
            f'{folder} holds {len(others)} rasters that are not of these tiles, such as {others[0]}; give another '
            '--out, or remove them'
        )


def _write(tiles: Tiles, block: Block, out: Path, name: str, polygons: Footprints | None) -> None:
    side, transform = tiles.side, tiles.transform(block)
    size = dict(height=block.rows * side, width=block.columns * side)
    inputs = [tiles.by_place[place].path for place in block.places()]
    grid = dict(size, crs=CRS, transform=transform, inputs=inputs)
    colours = dict(photometric='RGB') if tiles.count == 3 else {}
    windows = {(x, y): Window((x - block.x) * side, (y - block.y) * side, side, side) for x, y in block.places()}
    gaps: dict[Window, np.ndarray] = {}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        new_raster(out / IMAGES / name, count=tiles.count, dtype=tiles.dtype, **grid, **colours) as image,
    ):
        for (x, y), window in windows.items():
            pixels, valid = read_tile(tiles.by_place[x, y].path, tiles.count)
            image.write(pixels, window=window)
            if not valid.all():
                gaps[window] = valid
        if gaps:
            for window in windows.values():
                image.write_mask(gaps.get(window, np.ones((side, side), dtype=bool)), window=window)
    if polygons is None:
        return
    with new_raster(out / LABELS / name, count=1, nodata=IGNORE_INDEX, **grid) as label:
        for (x, y), window in windows.items():
            classes = rasterized(polygons, transform_of(tiles.zoom, x, y, side), side, side)
            if window in gaps:
                classes[~gaps[window]] = IGNORE_INDEX
            label.write(classes[None], window=window)
