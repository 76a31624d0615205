"""Finds labels that lie beside their images: their boundaries fall on the edges of the image only if they are moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmuda.maps.evaluation.boundaries import class_boundaries
from mmuda.structures import IGNORE_INDEX

REACH = 10
"""Largest shift that is tried, in pixels."""
LEAST = 2
"""A shift of fewer pixels is within the accuracy of labels drawn by hand."""
RESAMPLES, SURE = 200, 0.95
GAIN = 1.3
"""How much more the boundaries have to stand out when moved."""


@dataclass(frozen=True)
class Shift:
    """How far labels lie beside their images.

    Attributes:
        rows: Pixels by which labels have to be moved down to fit.
        columns: Pixels by which they have to be moved to the right.
        before: How much edges stand out along the boundaries as they are, in standard deviations of the image's edges.
        after: The same of the moved ones.
    """

    rows: int
    columns: int
    before: float
    after: float


def label_shift(windows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Shift | None:
    """The shift between labels and images, if there clearly is one.

    Edges are the gradient of the grey image, standardised in each window. For each shift, they are averaged along the
    boundaries between two classes. Windows are resampled to see whether the best shift is chance.

    Args:
        windows: Image (H, W, C) in [0, 255], label (H, W) of class indices, 255 is ignored, and where there are data
            (H, W) bool.

    Returns:
        The shift; None if labels fit best as they are or nearly so, or if the windows do not tell.
    """
    found = [scores for window in windows if (scores := _scores(*window)) is not None]
    if not found:
        return None
    sums, counts = (np.stack(part) for part in zip(*found, strict=True))
    best = _best(sums, counts)
    if np.abs(best).max() < LEAST:
        return None
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(sums), (RESAMPLES, len(sums)))
    near = [np.abs(_best(sums[draw], counts[draw]) - best).max() <= 1 for draw in draws]
    mean = sums.sum(axis=0) / counts.sum()
    before, after = float(mean[REACH, REACH]), float(mean[REACH + best[0], REACH + best[1]])
    if np.mean(near) < SURE or after < GAIN * max(before, 0) or after < 0.2:
        return None
    return Shift(int(best[0]), int(best[1]), before, after)


def _scores(image: np.ndarray, label: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, int] | None:
    """Sum of the edges along the boundaries for each shift, (2 REACH + 1,) * 2, and the length of the boundaries."""
    grey = cv2.GaussianBlur(image.astype(np.float32).mean(axis=2), (0, 0), 1.0)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    deviation = edges[valid].std() if valid.any() else 0
    if deviation == 0 or min(label.shape) <= 4 * REACH:
        return None
    edges = np.where(valid, (edges - edges[valid].mean()) / deviation, 0).clip(-3, 3)
    known = (label != IGNORE_INDEX) & valid
    inner = slice(REACH, -REACH)
    rows, cols = np.nonzero(class_boundaries(label, known)[inner, inner])
    if not len(rows):
        return None
    height, width = (side - 2 * REACH for side in label.shape)
    steps = range(2 * REACH + 1)
    parts = [[edges[row : row + height, col : col + width][rows, cols].sum() for col in steps] for row in steps]
    return np.array(parts, dtype=np.float64), len(rows)


def _best(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    mean = sums.sum(axis=0) / counts.sum()
    return np.array(np.unravel_index(mean.argmax(), mean.shape)) - REACH
