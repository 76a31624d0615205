"""The boundary F1 score of Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic
segmentation?", BMVC 2013, counted in strips.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmuda.maps.evaluation.pixels import mean_known, ratio
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

DEFAULT_TOLERANCE = 2.0
"""Tolerance in pixels if none is given."""
MAX_TOLERANCE = 64
"""Largest tolerance in pixels; strips overlap by it."""


class BoundaryCounts:
    """Boundary pixels of the map near the truth's, and the other way round.

    A boundary pixel of a class has a neighbour, above, below or beside it, of another class. Ignored pixels (of either
    file) and the edge of the raster make no boundary. Precision is the share of the map's boundary pixels with one of
    the truth of the same class within the tolerance, recall the reverse; F1 is their harmonic mean.

    Args:
        num_classes (int): Number of classes, K.
        tolerance (float | None): In metres; None is two pixels.
        pixel (tuple[float, float] | None): Height and width of a pixel in metres; None if unknown.

    Raises:
        UserError: The tolerance is in metres and the pixel's size unknown, or it is too large.
    """

    def __init__(self, num_classes: int, tolerance: float | None, pixel: tuple[float, float] | None) -> None:
        if tolerance is not None and pixel is None:
            raise UserError(
                f'the tolerance of {tolerance:g} m has no meaning, since the map has no projection; leave it out, '
                f'which takes {DEFAULT_TOLERANCE:g} pixels, or give the map a projection'
            )
        height, width = pixel or (1.0, 1.0)
        self.tolerance = DEFAULT_TOLERANCE * float(np.sqrt(height * width)) if tolerance is None else tolerance
        self.in_metres = pixel is not None
        if self.tolerance / min(height, width) > MAX_TOLERANCE:
            raise UserError(
                f'the tolerance of {self.tolerance:g} m is {self.tolerance / min(height, width):.0f} pixels of the '
                f'map; give at most {MAX_TOLERANCE} ({MAX_TOLERANCE * min(height, width):g} m)'
            )
        self._disc = _disc(self.tolerance, height, width)
        self.counts = np.zeros((num_classes, 4), dtype=np.int64)

    @property
    def halo(self) -> int:
        """Rows beyond a strip that its counts depend on."""
        return self._disc.shape[0] // 2 + 1

    def add(self, predicted: np.ndarray, truth: np.ndarray, inner: slice) -> None:
        """Count a strip.

        Args:
            predicted (np.ndarray): Classes of the map, (H, W) uint8; 255 is ignored.
            truth (np.ndarray): Classes of the truth, likewise.
            inner (slice): Rows to count; up to :attr:`halo` rows lie above and below, as far as the raster goes.
        """
        valid = (predicted != IGNORE_INDEX) & (truth != IGNORE_INDEX)
        mapped, true = (class_boundaries(label, valid) for label in (predicted, truth))
        for index in range(len(self.counts)):
            of_map = (mapped & (predicted == index)).view(np.uint8)
            of_truth = (true & (truth == index)).view(np.uint8)
            for place, (own, other) in enumerate(((of_map, of_truth), (of_truth, of_map))):
                if own[inner].any():
                    near = cv2.dilate(other, self._disc)[inner] if other.any() else other[inner]
                    self.counts[index, 2 * place] += np.count_nonzero(own[inner])
                    self.counts[index, 2 * place + 1] += np.count_nonzero(own[inner] & near)

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """``precision``, ``recall`` and ``f1`` of each class's boundary, (K,) in 0..1; NaN where there is none."""
        mapped, near_truth, true, near_map = self.counts.T
        precision, recall = ratio(near_truth, mapped), ratio(near_map, true)
        f1 = ratio(2 * precision * recall, precision + recall)
        f1[(mapped + true > 0) & np.isnan(f1)] = 0.0
        return dict(precision=precision, recall=recall, f1=f1)

    @property
    def mean_f1(self) -> float:
        """Mean F1 over the classes that have a boundary in either."""
        return mean_known(self.scores['f1'])


def class_boundaries(label: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Valid pixels with a valid neighbour, above, below or beside them, of another class.

    Args:
        label (np.ndarray): Classes, (H, W).
        valid (np.ndarray): Pixels that count, (H, W) bool.

    Returns:
        np.ndarray: (H, W) bool.
    """
    found = np.zeros(label.shape, dtype=bool)
    for one, other in (
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        differ = (label[one] != label[other]) & valid[one] & valid[other]
        found[one] |= differ
        found[other] |= differ
    return found


def _disc(radius: float, height: float, width: float) -> np.ndarray:
    """The pixels whose centres are at most ``radius`` metres away, (rows, columns) uint8 with odd sides."""
    reach = radius * (1 + 1e-9)
    rows, cols = (np.arange(-int(reach / side), int(reach / side) + 1) * side for side in (height, width))
    return (rows[:, None] ** 2 + cols[None] ** 2 <= reach**2).astype(np.uint8)
