"""Overlapping windows over a raster, and the weights by which their predictions are blended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ALIGNED = 32
"""Windows of at least four times so many pixels begin at multiples of it, so that a network's strides fall alike."""


@dataclass(frozen=True)
class Span:
    """A window along one side of a raster.

    Attributes:
        start: Its first pixel.
        end: The pixel after its last.
        weights (np.ndarray): Weight of each of its pixels, (end - start,) float32; those of all windows sum to 1.
        own: First pixel, and the one after the last, that this window shows best; own parts cover the side once.
    """

    start: int
    end: int
    weights: np.ndarray
    own: tuple[int, int]

    def __len__(self) -> int:
        return self.end - self.start


def spans(length: int, tile: int, overlap: int, margin: int, exact: bool = False) -> list[Span]:
    """Windows along one side, which overlap by ``overlap`` pixels, the last two by more.

    Within ``margin`` pixels of a border that is not the raster's, weights are 0, since a network sees no surroundings
    there. From there on they rise as half a cosine, up to ``margin`` pixels before the overlap ends.

    Args:
        length: Pixels of the side.
        tile: Pixels of a window; the last one may be up to ``ALIGNED - 1`` smaller.
        overlap: Pixels that neighbours share, below ``tile``.
        margin: Pixels of a window's border that are not used, at most half of ``overlap``.
        exact: All windows have ``tile`` pixels, unless the side is shorter; the last one is moved inwards.

    Returns:
        The windows in order.
    """
    step = ALIGNED if tile >= 4 * ALIGNED else 1
    places = _places(length, tile, max(step, (tile - overlap) // step * step), 1 if exact else step)
    raw = []
    for number, (start, end) in enumerate(places):
        rising = np.arange(end - start) + 0.5 - margin
        weights = np.ones(end - start)
        if number > 0:
            weights *= _ramp(rising, overlap - 2 * margin)
        if number < len(places) - 1:
            weights *= _ramp(rising[::-1], overlap - 2 * margin)
        raw.append(weights)
    total = np.zeros(length)
    for (start, end), weights in zip(places, raw, strict=True):
        total[start:end] += weights
    middles = [0, *((start + end) // 2 for (_, end), (start, _) in zip(places, places[1:], strict=False)), length]
    return [
        Span(start, end, (weights / total[start:end]).astype(np.float32), (middles[number], middles[number + 1]))
        for number, ((start, end), weights) in enumerate(zip(places, raw, strict=True))
    ]


def _places(length: int, tile: int, stride: int, step: int) -> list[tuple[int, int]]:
    if length <= tile:
        return [(0, length)]
    last = -(-(length - tile) // step) * step
    return [(start, start + tile) for start in range(0, last, stride)] + [(last, length)]


def _ramp(distance: np.ndarray, width: int) -> np.ndarray:
    if width <= 0:
        return (distance >= 0).astype(np.float64)
    return 0.5 - 0.5 * np.cos(np.pi * (distance / width).clip(0, 1))


def kept_spans(length: int, tile: int, margin: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows along one side of a raster, all of one size, of which the centres are kept.

    Args:
        length: Pixels of the side.
        tile: Pixels of a window.
        margin: Pixels discarded at a window's border, except where it is also the raster's border.

    Yields:
        Start and end of the window, then start and end of the part kept. The kept parts cover the side without overlap.
    """
    start, kept = 0, 0
    while kept < length:
        start = max(0, min(kept - margin, length - tile))
        end = min(start + tile, length)
        keep_end = length if end == length else end - margin
        yield start, end, kept, keep_end
        kept = keep_end


@dataclass(frozen=True)
class Plan:
    """How a raster is cut into windows, strips and segments.

    A strip is the rows from the top of one row of windows to that of the next. They are complete once this row of
    windows has been predicted, and the one above. A segment is the columns that are held in memory at a time.

    Attributes:
        height: Rows of the raster.
        width: Columns of the raster.
        tile: Pixels of a window's side.
        overlap: Pixels that neighbouring windows share.
        margin: Pixels of a window's border that are not used.
        columns: Most columns of a segment.
        exact: No window is smaller than a tile, see :func:`spans`.
    """

    height: int
    width: int
    tile: int
    overlap: int
    margin: int
    columns: int
    exact: bool = False

    @cached_property
    def rows(self) -> list[Span]:
        """The windows from top to bottom."""
        return spans(self.height, self.tile, self.overlap, self.margin, self.exact)

    @cached_property
    def cols(self) -> list[Span]:
        """The windows from left to right."""
        return spans(self.width, self.tile, self.overlap, self.margin, self.exact)

    @cached_property
    def segments(self) -> list[tuple[int, int]]:
        """First column of each segment, and the one after its last."""
        number = -(-self.width // self.columns)
        edges = [self.width * place // number for place in range(number + 1)]
        return list(zip(edges, edges[1:], strict=False))

    def strip(self, row: int) -> tuple[int, int]:
        """First row of pixels of a strip, and the one after its last."""
        return self.rows[row].start, self.rows[row + 1].start if row + 1 < len(self.rows) else self.height

    def cols_of(self, segment: tuple[int, int]) -> list[Span]:
        """The windows that add to a segment."""
        first, last = segment
        return [col for col in self.cols if col.weights[max(0, first - col.start) : max(0, last - col.start)].any()]

    def rows_before(self, row: int) -> list[int]:
        """Rows of windows above one that add to its strip."""
        top, bottom = self.strip(row)
        above = [number for number in range(row) if self.rows[number].end > top]
        return [n for n in above if self.rows[n].weights[top - self.rows[n].start : bottom - self.rows[n].start].any()]
