"""Scores of images that an ONNX file does not give in one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mmuda.utils.sliding import windows


def slid(
    scores_of: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    crop: Sequence[int],
    stride: Sequence[int],
    size: tuple[int, int],
    aligned: bool = False,
) -> np.ndarray:
    """Mean scores of windows that slide over images, as mmseg's and mmuda's segmentors take it.

    Args:
        scores_of: Gives scores (N, classes, h', w') of windows (N, C, h, w).
        images: (N, C, H, W).
        crop: Height and width of a window.
        stride: Rows and columns from one window to the next.
        size: Height and width of the grid on which scores are summed, which covers the same ground.
        aligned: As :func:`resized`.

    Returns:
        (N, classes, *size) float32.
    """
    scales = [new / old for new, old in zip(size, images.shape[-2:], strict=True)]
    rows, columns = (windows(*sides) for sides in zip(images.shape[-2:], crop, stride, strict=True))
    total, count = 0, np.zeros(size, np.float32)
    for row in rows:
        for column in columns:
            there = [
                slice(*(round(edge * by) for edge in edges)) for edges, by in zip((row, column), scales, strict=True)
            ]
            inner = tuple(part.stop - part.start for part in there)
            if not all(inner):
                continue
            found = resized(scores_of(images[..., slice(*row), slice(*column)]), inner, aligned)
            if isinstance(total, int):
                total = np.zeros((*found.shape[:2], *size), np.float32)
            total[..., there[0], there[1]] += found
            count[there[0], there[1]] += 1
    return total / count


def resized(scores: np.ndarray, size: tuple[int, int], aligned: bool = False) -> np.ndarray:
    """(N, classes, h, w) enlarged or reduced bilinearly to ``size``, as torch does without antialiasing.

    Args:
        scores: Any number of maps.
        size: New height and width.
        aligned: The centres of the corner pixels stay where they are (torch's ``align_corners``).
    """
    if scores.shape[2:] == tuple(size):
        return scores
    flat = (np.ascontiguousarray(one) for one in scores.reshape(-1, *scores.shape[2:]))
    if aligned:
        y, x = (np.linspace(0, old - 1, new, dtype=np.float32) for old, new in zip(scores.shape[2:], size, strict=True))
        x, y = np.meshgrid(x, y)
        found = [cv2.remap(one, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for one in flat]
    else:
        found = [cv2.resize(one, size[::-1], interpolation=cv2.INTER_LINEAR) for one in flat]
    return np.stack(found).reshape(*scores.shape[:2], *size)
