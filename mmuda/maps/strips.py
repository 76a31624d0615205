"""Predicts the strips of a map that are still missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, islice
from typing import Protocol

import numpy as np

from mmuda.maps.blending import Blend
from mmuda.maps.parts import Parts
from mmuda.maps.windows import Plan, Span

Window = tuple[Span, Span]
Bands = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
AHEAD = 2
"""Batches that are read while the network works on another."""


class Network(Protocol):
    """What turns windows of one raster into logits."""

    def read(self, window: tuple[int, int, int, int]) -> object:
        """A sample of the window (row, col, height, width), called by a thread of its own."""

    def predict(self, samples: Sequence) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """For each sample logits (classes, height, width) float32, and where it has no data, bool, or None."""


def predict_strips(
    plan: Plan,
    parts: Parts,
    network: Network,
    bands_of: Bands,
    batch: int,
    share: tuple[int, int] = (0, 1),
    told: Callable[[int, int], None] | None = None,
) -> None:
    """Predict the strips that are not yet there.

    Strips that begin anew, after an interruption or in another process, predict the windows above again that add to
    them. Batches never reach over a row of windows, so that a strip does not depend on where the job began.

    Args:
        plan: How the raster is cut.
        parts: Where finished strips are.
        network: Reads and predicts windows.
        bands_of: Turns logits (classes, rows, columns), and where there is no data, into the arrays to keep.
        batch: Most windows to predict at a time.
        share: Number of this process, and of all.
        told: Called with the number of windows done, and of all.
    """
    runs = [run for number in range(len(plan.segments)) for run in _runs(plan, parts, number, share)]
    total, done = sum(len(windows) for run in runs for _, windows in _rows_of(plan, *run)), 0
    for number, rows in runs:
        blend = Blend(plan, plan.segments[number], plan.strip(rows[0])[0])
        by_row = _rows_of(plan, number, rows)
        batches = [piece for _, windows in by_row for piece in _batches(windows, batch)]
        predicted = _predicted(network, batches)
        for row, windows in by_row:
            left = len(windows)
            while left:
                for (logits, missing), window in next(predicted):
                    blend.add(logits, missing, *window)
                    left, done = left - 1, done + 1
            if row in rows:
                parts.add(number, row, bands_of(*blend.finish(plan.strip(row)[1])))
            if told is not None:
                told(done, total)


def _runs(plan: Plan, parts: Parts, segment: int, share: tuple[int, int]) -> list[tuple[int, list[int]]]:
    """Rows of a segment that follow one another and have no part yet."""
    rank, world = share
    number = len(plan.rows)
    mine = range(number * rank // world, number * (rank + 1) // world)
    open_rows = [row for row in mine if not parts.has(segment, row)]
    together = groupby(enumerate(open_rows), key=lambda pair: pair[1] - pair[0])
    return [(segment, [row for _, row in pairs]) for _, pairs in together]


def _rows_of(plan: Plan, segment: int, rows: Sequence[int]) -> list[tuple[int, list[Window]]]:
    """Rows of windows that the strips of a run need, from top to bottom."""
    cols = plan.cols_of(plan.segments[segment])
    return [(row, [(plan.rows[row], col) for col in cols]) for row in (*plan.rows_before(rows[0]), *rows)]


def _batches(windows: Sequence[Window], batch: int) -> Iterator[list[Window]]:
    """Windows of one size, at most ``batch`` at a time."""
    for _, group in groupby(windows, key=lambda window: len(window[1])):
        same = list(group)
        yield from (same[place : place + batch] for place in range(0, len(same), batch))


def _predicted(network: Network, batches: Sequence[list[Window]]) -> Iterator[list]:
    """Predictions of batches with their windows, while a thread reads ahead."""

    def read(batch: list[Window]) -> list:
        return [network.read((row.start, col.start, len(row), len(col))) for row, col in batch]

    with ThreadPoolExecutor(1) as pool:
        waiting, left = deque(), iter(batches)
        try:
            while True:
                for batch in islice(left, AHEAD + 1 - len(waiting)):
                    waiting.append((batch, pool.submit(read, batch)))
                if not waiting:
                    return
                first, samples = waiting.popleft()
                yield list(zip(network.predict(samples.result()), first, strict=True))
        finally:
            for _, samples in waiting:
                samples.cancel()
