"""Finds tiles of a web map by their names: zoom, column and row."""

from __future__ import annotations

import os.path as osp
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmuda.datasets.raster.files import list_images, suffix_of
from mmuda.utils.errors import UserError

SUFFIXES = ('.png', '.jpg', '.tif', '.webp')
TILE_ORDERS = ('xyz', 'zxy')
"""What the three numbers of a name are: column, row, zoom (``OAM-<x>-<y>-<z>.png``), or zoom, column, row."""

MAX_ZOOM = 30
_THREE = re.compile(r'(?:^|(?<=[^0-9]))(\d+)([-_.])(\d+)\2(\d+)$')


@dataclass(frozen=True)
class Tile:
    """A tile: its file, and its place in the map's grid; rows count from north."""

    path: str
    zoom: int
    x: int
    y: int


def find_tiles(folder: str, order: str | None = None, tms: bool = False, zoom: int | None = None) -> list[Tile]:
    """All tiles in a folder and its subfolders.

    Names end in three numbers, such as ``OAM-<x>-<y>-<z>.png``, or the path is ``<z>/<x>/<y>.png``.

    Args:
        folder: The folder.
        order: One of ``TILE_ORDERS``, for names of three numbers; None takes the one that all names allow.
        tms: Rows count from south (TMS) instead of from north (XYZ).
        zoom: Take only tiles of this zoom.

    Returns:
        The tiles, sorted by row and column.

    Raises:
        UserError: There are no tiles, a name allows no or two orders, two files are the same tile, or there are tiles
            of several zooms.
    """
    if not osp.isdir(folder):
        raise UserError(f'{folder} is no folder; give the folder with the tiles')
    names = list_images(folder, SUFFIXES)
    numbers = {name: _numbers(name) for name in names}
    numbers = {name: found for name, found in numbers.items() if found is not None}
    if not numbers:
        raise UserError(
            f'{folder} holds no tiles: no {", ".join(SUFFIXES)} is named NAME-<x>-<y>-<z> or lies at <z>/<x>/<y>'
        )
    loose = {name: found[1] for name, found in numbers.items() if not found[0]}
    order = order or _order_of(loose, folder)
    tiles = []
    for name, (nested, values) in numbers.items():
        z, x, y = values if nested or order == 'zxy' else (values[2], *values[:2])
        if not _exists(z, x, y):
            raise UserError(
                f'{osp.join(folder, name)} would be column {x}, row {y} of zoom {z}, which no map has; check the name, '
                f'or give --order ({" or ".join(TILE_ORDERS)})'
            )
        tiles.append(Tile(osp.join(folder, name), z, x, 2**z - 1 - y if tms else y))
    return _of_one_zoom(tiles, folder, zoom)


def _numbers(name: str) -> tuple[bool, tuple[int, ...]] | None:
    """Whether the numbers are those of folders ``<z>/<x>/<y>``, and the numbers as they stand there."""
    stem = name.removesuffix(suffix_of(name, SUFFIXES))
    parts = stem.split('/')
    if len(parts) >= 3 and all(part.isdecimal() for part in parts[-3:]):
        return True, tuple(map(int, parts[-3:]))
    match = _THREE.search(parts[-1])
    return None if match is None else (False, (int(match[1]), int(match[3]), int(match[4])))


def _exists(z: int, x: int, y: int) -> bool:
    return z <= MAX_ZOOM and x < 2**z and y < 2**z


def _order_of(loose: dict[str, tuple[int, ...]], folder: str) -> str:
    fitting = [
        order
        for order, allowed in zip(TILE_ORDERS, ((2, 0, 1), (0, 1, 2)), strict=True)
        if all(_exists(*(values[place] for place in allowed)) for values in loose.values())
    ]
    if loose and len(fitting) != 1:
        name = osp.join(folder, next(iter(loose)))
        how = 'neither' if not fitting else 'both'
        raise UserError(
            f'names such as {name} may end in <x>-<y>-<z> or in <z>-<x>-<y>, and {how} fits all files; give --order '
            f'{" or ".join(TILE_ORDERS)}'
        )
    return fitting[0] if fitting else TILE_ORDERS[0]


def _of_one_zoom(tiles: Sequence[Tile], folder: str, zoom: int | None) -> list[Tile]:
    zooms = sorted({tile.zoom for tile in tiles})
    if zoom is not None and zoom not in zooms:
        raise UserError(f'{folder} holds no tiles of zoom {zoom}, but of {", ".join(map(str, zooms))}')
    if zoom is None and len(zooms) > 1:
        raise UserError(f'{folder} holds tiles of the zooms {", ".join(map(str, zooms))}; choose one with --zoom')
    seen: dict[tuple[int, int], str] = {}
    chosen = sorted((tile for tile in tiles if zoom in (None, tile.zoom)), key=lambda tile: (tile.y, tile.x))
    for tile in chosen:
        if seen.setdefault((tile.x, tile.y), tile.path) != tile.path:
            raise UserError(f'{seen[tile.x, tile.y]} and {tile.path} are the same tile; remove one of them')
    return chosen
