"""Scores of a confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmuda.structures import IGNORE_INDEX


@dataclass
class PixelCounts:
    """Pixels of the grid, counted by truth and map.

    Attributes:
        num_classes (int): Number of classes, K.
        confusion (np.ndarray): Pixels of class i in the truth and j in the map, (K, K) int64.
        total (int): All pixels that were looked at.
        without_truth (int): Those without a class in the truth.
        without_map (int): Those with a class in the truth alone.
    """

    num_classes: int
    confusion: np.ndarray = field(init=False)
    total: int = 0
    without_truth: int = 0
    without_map: int = 0

    def __post_init__(self) -> None:
        self.confusion = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)

    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        """Count pixels of the map and the truth, uint8 of one shape; 255 is ignored."""
        known = truth != IGNORE_INDEX
        valid = known & (predicted != IGNORE_INDEX)
        pairs = truth[valid].astype(np.int32) * self.num_classes + predicted[valid]
        self.confusion += np.bincount(pairs, minlength=self.num_classes**2).reshape(self.confusion.shape)
        self.total += truth.size
        self.without_truth += int(truth.size - np.count_nonzero(known))
        self.without_map += int(np.count_nonzero(known) - np.count_nonzero(valid))

    @property
    def counted(self) -> int:
        """Pixels with a class in both."""
        return int(self.confusion.sum())

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """``iou``, ``f1``, ``precision`` and ``recall`` of each class, (K,) in 0..1.

        NaN where a class is in neither (IoU, F1), not in the map (precision) or not in the truth (recall).
        """
        hits = np.diag(self.confusion)
        mapped, true = self.confusion.sum(axis=0), self.confusion.sum(axis=1)
        return dict(
            iou=ratio(hits, mapped + true - hits),
            f1=ratio(2 * hits, mapped + true),
            precision=ratio(hits, mapped),
            recall=ratio(hits, true),
        )

    @property
    def summary(self) -> dict[str, float]:
        """``accuracy`` of all pixels, and ``miou`` and ``mean_f1`` over the classes that occur; NaN without any."""
        scores = self.scores
        return dict(
            accuracy=float(ratio(np.trace(self.confusion), self.confusion.sum())),
            miou=mean_known(scores['iou']),
            mean_f1=mean_known(scores['f1']),
        )


def ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    """``part / whole``, NaN where ``whole`` is 0."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0)


def mean_known(values: np.ndarray) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float('nan')
