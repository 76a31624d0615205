"""Regions of a class map, found strip by strip; what crosses borders of strips is joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mmuda.maps.polygons.tracing import Pieces, straightened

_NOBODY = -1


@dataclass
class _Open:
    """A region that reaches the lower border of the last strip.

    Attributes:
        value: Its class.
        shells: Its polygons so far without their holes, one or more for each strip.
        holes: Rings of their holes. No hole of a strip touches its borders, so joining leaves them as they are.
        total: Sum of the confidence over its pixels.
        count: Number of its pixels that have a confidence.
    """

    value: int
    shells: list = field(default_factory=list)
    holes: list = field(default_factory=list)
    total: float = 0.0
    count: int = 0

    def take(self, other: _Open) -> None:
        self.shells += other.shells
        self.holes += other.holes
        self.total += other.total
        self.count += other.count


def join(strips: Iterable[tuple[int, int, Pieces]], width: int) -> Iterator[Pieces]:
    """Regions of the whole map, each as soon as it is finished.

    Only regions that reach the lower border of the current strip are kept.

    Args:
        strips (Iterable[tuple[int, int, Pieces]]): First row, row after the last, and pieces of each strip, from the
            top to the bottom of the map without gaps.
        width (int): Columns of the map.

    Yields:
        Pieces: Finished regions, whose polygons do not depend on where the strips were cut.
    """
    joint = _Joint(width)
    for top, bottom, pieces in strips:
        yield from joint.add(top, bottom, pieces)
    yield _merged(joint.open)


class _Joint:
    """What is known at the lower border of the last strip."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.open: list[_Open] = []
        self.owner = np.full(width, _NOBODY)  # the open region of each pixel above the border

    def add(self, top: int, bottom: int, pieces: Pieces) -> Iterator[Pieces]:
        before, number = self.open, len(self.open)
        above, below = self._owners(pieces, top), self._owners(pieces, bottom)
        group, groups = self._groups(pieces, above, number)
        goes_on = np.zeros(groups, dtype=bool)
        goes_on[group[number + np.unique(below[below != _NOBODY])]] = True
        alone = (np.bincount(group, minlength=groups) == 1) & ~goes_on
        single = alone[group[number:]]
        yield Pieces(straightened(pieces.shapes[single]), *(part[single] for part in _numbers_of(pieces)))

        gathered: dict[int, _Open] = {}
        for index, region in enumerate(before):
            _gather(gathered, int(group[index]), region)
        for index in np.flatnonzero(~single).tolist():
            _gather(gathered, int(group[number + index]), _opened(pieces, index))
        yield _merged([region for key, region in gathered.items() if not goes_on[key]])

        kept = [key for key in gathered if goes_on[key]]
        self.open = [gathered[key] for key in kept]
        place = np.full(groups + 1, _NOBODY)
        place[kept] = np.arange(len(kept))
        self.owner = place[np.where(below == _NOBODY, groups, group[number + below] if len(pieces) else groups)]

    def _owners(self, pieces: Pieces, row: int) -> np.ndarray:
        """The piece whose outline runs along each pixel of a border of the strip, (width,)."""
        owner = np.full(self.width, _NOBODY)
        points, index = shapely.get_coordinates(shapely.get_exterior_ring(pieces.shapes), return_index=True)
        along = (points[:-1, 1] == row) & (points[1:, 1] == row) & (index[:-1] == index[1:])
        sides = np.sort(np.stack([points[:-1, 0][along], points[1:, 0][along]]), axis=0).astype(int)
        for left, right, piece in zip(*sides.tolist(), index[:-1][along].tolist(), strict=True):
            owner[left:right] = piece
        return owner

    def _groups(self, pieces: Pieces, above: np.ndarray, number: int) -> tuple[np.ndarray, int]:
        """Number of the region of each open region and each piece, and how many there are."""
        both = (self.owner != _NOBODY) & (above != _NOBODY)
        pairs = np.unique(np.stack([self.owner[both], above[both]]), axis=1)
        values = np.array([region.value for region in self.open], dtype=int)
        same = values[pairs[0]] == pieces.values[pairs[1]]
        pairs = pairs[:, same] + [[0], [number]]
        size = number + len(pieces)
        links = coo_matrix((np.ones(pairs.shape[1], dtype=bool), pairs), shape=(size, size))
        groups, group = connected_components(links, directed=False)
        return group, groups


def _opened(pieces: Pieces, index: int) -> _Open:
    shape = pieces.shapes[index]
    return _Open(
        int(pieces.values[index]),
        [shapely.polygons(shape.exterior)],
        list(shape.interiors),
        float(pieces.sums[index]),
        int(pieces.counts[index]),
    )


def _gather(gathered: dict[int, _Open], key: int, region: _Open) -> None:
    if key in gathered:
        gathered[key].take(region)
    else:
        gathered[key] = region


def _numbers_of(pieces: Pieces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return pieces.values, pieces.sums, pieces.counts


def _merged(regions: list[_Open]) -> Pieces:
    shapes = np.empty(len(regions), dtype=object)
    shapes[:] = [_polygon(region) for region in regions]
    return Pieces(
        straightened(shapes),
        np.array([region.value for region in regions], dtype=int),
        np.array([region.total for region in regions], dtype=float),
        np.array([region.count for region in regions], dtype=int),
    )


def _polygon(region: _Open) -> shapely.Polygon:
    shell = region.shells[0] if len(region.shells) == 1 else shapely.union_all(region.shells)
    holes = [*shell.interiors, *region.holes]
    return shapely.polygons(shell.exterior, holes) if holes else shell
