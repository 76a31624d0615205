"""Object-level precision and recall: objects of the map and of the truth matched one to one by their IoU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mmuda.maps.evaluation.components import Objects
from mmuda.maps.evaluation.pixels import ratio

_LOW = 0xFFFFFFFF


@dataclass(frozen=True)
class ObjectScores:
    """How many objects of a class were found.

    Attributes:
        mapped (int): Objects in the map.
        true (int): Objects in the truth.
        matched (int): Pairs of one of each.
        mean_iou (float): Mean IoU of the pairs, in 0..1; NaN without any.
    """

    mapped: int
    true: int
    matched: int
    mean_iou: float

    @property
    def precision(self) -> float:
        """Share of the map's objects that are matched; NaN if it has none."""
        return float(ratio(self.matched, self.mapped))

    @property
    def recall(self) -> float:
        """Share of the truth's objects that are matched; NaN if it has none."""
        return float(ratio(self.matched, self.true))

    @property
    def f1(self) -> float:
        """Twice the pairs by the objects of both; NaN if there are none."""
        return float(ratio(2 * self.matched, self.mapped + self.true))


class ObjectCounts:
    """Areas of objects and of their intersections, collected strip by strip.

    Args:
        mapped (Objects): Numbers the objects of the map.
        true (Objects): Numbers those of the truth.
    """

    def __init__(self, mapped: Objects, true: Objects) -> None:
        self._sides = mapped, true
        self._areas: tuple[list, list] = [], []
        self._common: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, predicted: np.ndarray, truth: np.ndarray, row: int) -> None:
        """Count a strip.

        Args:
            predicted (np.ndarray): Where the map has the class, (H, W) bool.
            truth (np.ndarray): Where the truth has it.
            row (int): First row of the strip; strips come from top to bottom, without gaps.
        """
        numbers = [side.number(mask, row) for side, mask in zip(self._sides, (predicted, truth), strict=True)]
        for areas, found in zip(self._areas, numbers, strict=True):
            areas.append(np.unique(found[found > 0], return_counts=True))
        both = (numbers[0] > 0) & (numbers[1] > 0)
        self._common.append(np.unique(_keys(numbers[0][both], numbers[1][both]), return_counts=True))

    def scores(self, min_iou: float = 0.5, min_pixels: float = 0.0) -> ObjectScores:
        """Match the objects.

        Args:
            min_iou (float): Least IoU of a pair, above 0 and at most 1. Above 0.5 each object has at most one partner;
                else the pairs are an optimal assignment: as many as possible, and among those the greatest sum of IoU.
            min_pixels (float): Objects of fewer pixels are left out, in the map and in the truth.
        """
        merged = [side.merged() for side in self._sides]
        areas = [_areas(found, numbers) for found, numbers in zip(self._areas, merged, strict=True)]
        keys, counts = (np.concatenate(parts) for parts in zip(*self._common, strict=True))
        keys, place = np.unique(_keys(merged[0][keys >> 32], merged[1][keys & _LOW]), return_inverse=True)
        common = np.bincount(place.ravel(), weights=counts, minlength=len(keys))
        pairs = np.stack([keys >> 32, keys & _LOW], axis=1)
        kept = [(area > 0) & (area >= min_pixels) for area in areas]
        iou = common / (areas[0][pairs[:, 0]] + areas[1][pairs[:, 1]] - common)
        fit = (iou >= min_iou) & kept[0][pairs[:, 0]] & kept[1][pairs[:, 1]]
        chosen = assign(pairs[fit], iou[fit])
        mean = float(chosen.mean()) if len(chosen) else float('nan')
        return ObjectScores(int(kept[0].sum()), int(kept[1].sum()), len(chosen), mean)


def assign(pairs: np.ndarray, iou: np.ndarray) -> np.ndarray:
    """The IoU of the chosen pairs: as many as possible, and among those the greatest sum of IoU.

    Args:
        pairs (np.ndarray): Numbers of two objects that may be matched, (n, 2) of integers.
        iou (np.ndarray): Their IoU, (n,), above 0 and at most 1.
    """
    if not len(pairs):
        return np.zeros(0)
    rows, cols = (np.unique(side, return_inverse=True)[1].ravel() for side in pairs.T)
    size = rows.max() + 1, cols.max() + 1
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, cols + size[0])), shape=(sum(size),) * 2)
    _, groups = connected_components(graph, directed=False)
    groups = groups[rows]
    alone = np.bincount(groups)[groups] == 1
    order = np.flatnonzero(~alone)
    order = order[np.argsort(groups[order], kind='stable')]
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    return np.concatenate([iou[alone], *(_best(rows[part], cols[part], iou[part]) for part in np.split(order, ends))])


def _best(rows: np.ndarray, cols: np.ndarray, iou: np.ndarray) -> np.ndarray:
    """:func:`assign` for objects that hang together."""
    if not len(iou):
        return iou
    rows, cols = (np.unique(side, return_inverse=True)[1].ravel() for side in (rows, cols))
    gain = np.zeros((rows.max() + 1, cols.max() + 1))
    # One pair more outweighs any sum of IoU.
    gain[rows, cols] = min(gain.shape) + iou
    found = gain[linear_sum_assignment(gain, maximize=True)]
    return found[found > 0] - min(gain.shape)


def _keys(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pairs of numbers below 2**32 as one number each."""
    return one.astype(np.int64) << 32 | other.astype(np.int64)


def _areas(found: list[tuple[np.ndarray, np.ndarray]], merged: np.ndarray) -> np.ndarray:
    """Pixels of each object by its number, (objects + 1,)."""
    numbers, counts = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return np.bincount(merged[numbers], weights=counts, minlength=int(merged.max(initial=0)) + 1)
