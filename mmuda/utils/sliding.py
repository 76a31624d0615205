"""Windows that slide over an image."""

from __future__ import annotations


def windows(length: int, crop: int, stride: int) -> list[tuple[int, int]]:
    """Start and end of windows along one side of an image.

    Args:
        length: Pixels of the side.
        crop: Pixels of a window; a shorter side has one window.
        stride: Pixels from one window to the next, at most ``crop``.

    Returns:
        Windows that cover 0..length; the last one is moved inwards.
    """
    last = max(length - crop, 0)
    starts = [*range(0, last, stride), last]
    return [(start, min(start + crop, length)) for start in starts]
