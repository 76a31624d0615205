"""The grid of web maps (EPSG:3857), and rectangles of tiles on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rasterio import Affine

CRS = 'EPSG:3857'
HALF = math.pi * 6378137.0
"""Half the side of the map's square in metres of the map; its centre is at longitude and latitude 0."""


@dataclass(frozen=True)
class Block:
    """A rectangle of tiles that are all there: its first column and row, and the number of both."""

    x: int
    y: int
    columns: int
    rows: int

    def places(self) -> Iterable[tuple[int, int]]:
        """(column, row) of each tile, row by row."""
        return ((x, y) for y in range(self.y, self.y + self.rows) for x in range(self.x, self.x + self.columns))


def transform_of(zoom: int, x: int, y: int, side: int) -> Affine:
    """Georeference of a raster whose upper left corner is that of a tile.

    Args:
        zoom: Zoom.
        x: Column of the tile, from west.
        y: Row of the tile, from north.
        side: Pixels of a tile's side.

    Returns:
        Pixels (column, row) to metres of the map (east, north).
    """
    span = 2 * HALF / 2**zoom
    return Affine(span / side, 0.0, x * span - HALF, 0.0, -span / side, HALF - y * span)


def blocks_of(places: Iterable[tuple[int, int]]) -> list[Block]:
    """Divide tiles into rectangles without gaps: of each contiguous area the largest one first, then of what is left.

    A full rectangle of tiles is one block, a tile without neighbours a block of its own.

    Args:
        places: (column, row) of the tiles.

    Returns:
        Blocks that hold each tile once, sorted by row and column.
    """
    waiting = _contiguous(set(places))
    done = []
    while waiting:
        area = waiting.pop()
        block = _largest(area)
        done.append(block)
        waiting += _contiguous(area - set(block.places()))
    return sorted(done, key=lambda block: (block.y, block.x))


def _contiguous(places: set[tuple[int, int]]) -> list[set[tuple[int, int]]]:
    """Areas of tiles that share sides."""
    areas, left = [], set(places)
    while left:
        area, border = set(), [left.pop()]
        while border:
            x, y = place = border.pop()
            area.add(place)
            for beside in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                if beside in left:
                    left.remove(beside)
                    border.append(beside)
        areas.append(area)
    return areas


def _largest(area: set[tuple[int, int]]) -> Block:
    """The largest rectangle in an area; of equal ones the one nearest to a square, then the first by row and column."""
    columns, rows = zip(*area, strict=True)
    best = Block(0, 0, 0, 0)
    heights = dict.fromkeys(range(min(columns), max(columns) + 2), 0)  # of the tiles above each other, up to a row
    for y in range(min(rows), max(rows) + 1):
        open_blocks: list[tuple[int, int]] = []  # (first column, height), which rise
        for x in heights:
            heights[x] = height = heights[x] + 1 if (x, y) in area else 0
            first = x
            while open_blocks and open_blocks[-1][1] >= height:
                first, above = open_blocks.pop()
                best = max(best, Block(first, y - above + 1, x - first, above), key=_worth)
            if height:
                open_blocks.append((first, height))
    return best


def _worth(block: Block) -> tuple[int, int, int, int]:
    return block.columns * block.rows, min(block.columns, block.rows), -block.y, -block.x
