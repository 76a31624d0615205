"""Blends the predictions of overlapping windows, strip by strip."""

from __future__ import annotations

import numpy as np

from mmuda.maps.windows import Plan, Span

_ROWS = 64  # at a time, so that they stay in the processor's cache: ten times as fast as numpy's argmax


class Blend:
    """The sums of weighted logits in a segment, from the top of the current strip on.

    Args:
        plan: How the raster is cut.
        segment: First column, and the one after the last.
        top: First row that is needed; what windows hold above it is left out.
    """

    def __init__(self, plan: Plan, segment: tuple[int, int], top: int) -> None:
        self.plan, self.segment, self.top = plan, segment, top
        self._logits: np.ndarray | None = None
        self._missing = np.zeros((plan.tile, segment[1] - segment[0]), dtype=bool)

    def add(self, logits: np.ndarray, missing: np.ndarray | None, row: Span, col: Span) -> None:
        """Add the prediction of a window.

        Args:
            logits: (classes, height, width) float32.
            missing: Where the window holds no data, (height, width) bool; None if nowhere.
            row: Its rows.
            col: Its columns.
        """
        if self._logits is None:
            self._logits = np.zeros((len(logits), *self._missing.shape), dtype=np.float32)
        y, x = self._common((row.start, row.end), (col.start, col.end))
        if y is None:
            return
        inside = slice(y.start - row.start, y.stop - row.start), slice(x.start - col.start, x.stop - col.start)
        weights = row.weights[inside[0], None] * col.weights[None, inside[1]]
        self._logits[(slice(None), *self._here(y, x))] += logits[(slice(None), *inside)] * weights
        if missing is None:
            return
        y, x = self._common(row.own, col.own)
        if y is not None:
            inside = slice(y.start - row.start, y.stop - row.start), slice(x.start - col.start, x.stop - col.start)
            self._missing[self._here(y, x)] = missing[inside]

    def finish(self, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """Take the rows above ``bottom``, to which no further window adds.

        Returns:
            Logits (classes, rows, columns) float32, and where there is no data (rows, columns) bool.
        """
        number = bottom - self.top
        logits, missing = self._logits[:, :number].copy(), self._missing[:number].copy()
        for rows in (self._logits.swapaxes(0, 1), self._missing):
            rows[: len(rows) - number] = rows[number:].copy()
            rows[len(rows) - number :] = 0
        self.top = bottom
        return logits, missing

    def _common(self, rows: tuple[int, int], cols: tuple[int, int]) -> tuple[slice | None, slice | None]:
        """The part of a box that is held here, in pixels of the raster."""
        top, bottom = max(rows[0], self.top), min(rows[1], self.top + len(self._missing))
        left, right = max(cols[0], self.segment[0]), min(cols[1], self.segment[1])
        return (None, None) if top >= bottom or left >= right else (slice(top, bottom), slice(left, right))

    def _here(self, y: slice, x: slice) -> tuple[slice, slice]:
        left = self.segment[0]
        return slice(y.start - self.top, y.stop - self.top), slice(x.start - left, x.stop - left)


def classes_of(logits: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """The most probable class of each pixel.

    Args:
        logits: (classes, H, W); of one channel, class 1 is where its sigmoid exceeds the threshold.
        threshold: Of one channel, in [0, 1].

    Returns:
        (H, W) uint8.
    """
    if len(logits) == 1:
        return (probabilities_of(logits)[1] > threshold).astype(np.uint8)
    label = np.zeros(logits.shape[1:], dtype=np.uint8)
    for top in range(0, len(label), _ROWS):
        part, found = logits[:, top : top + _ROWS], label[top : top + _ROWS]
        best = part[0].copy()
        for index in range(1, len(part)):
            # Classes come in order, so that one which beats all before has the largest number so far.
            np.maximum(found, (part[index] > best).view(np.uint8) * np.uint8(index), out=found)
            np.maximum(best, part[index], out=best)
    return label


def probabilities_of(logits: np.ndarray) -> np.ndarray:
    """Softmax over the classes, (classes, H, W) float32; of one channel, 1 - sigmoid and sigmoid."""
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    shifted = np.exp(logits - logits.max(axis=0))
    return shifted / shifted.sum(axis=0)
