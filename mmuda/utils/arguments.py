"""Numbers with a range as arguments of the tools; imports neither torch nor mmengine."""

import argparse
from collections.abc import Callable

from mmuda.utils.ranges import HIGHEST_SEED


def number(kind: type, holds: Callable[[float], bool], allowed: str) -> Callable[[str], float]:
    """A ``type=`` for a numeric argument in a range.

    Args:
        kind: ``int`` or ``float``.
        holds: Whether a number is in the range.
        allowed: The range in words, e.g. ``'a whole number of at least 1'``.
    """

    def read(text: str) -> float:
        try:
            result = kind(text)
        except ValueError:
            result = None
        if result is None or not holds(result):
            raise argparse.ArgumentTypeError(f'{text!r} is not right; give {allowed}')
        return result

    return read


count = number(int, lambda value: value >= 1, 'a whole number of at least 1')
amount = number(int, lambda value: value >= 0, 'a whole number of at least 0')
positive = number(float, lambda value: 0 < value < float('inf'), 'a number above 0')
not_negative = number(float, lambda value: 0 <= value < float('inf'), 'a number of at least 0')
share = number(float, lambda value: 0 <= value <= 1, 'a number between 0 and 1')
seed = number(int, lambda value: 0 <= value <= HIGHEST_SEED, f'a whole number from 0 to {HIGHEST_SEED}')
