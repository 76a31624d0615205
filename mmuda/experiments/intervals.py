"""Confidence intervals of means of a few numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of some numbers with Student's confidence interval.

    Attributes:
        mean: Their mean; None if there are none.
        half_width: Half of the interval's width, ``t * s / sqrt(n)`` with n - 1 degrees of freedom; None for fewer than
            two numbers.
        count: Their number n.
    """

    mean: float | None
    half_width: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float], level: float = LEVEL) -> Interval:
        """The interval that covers the true mean with probability ``level`` if the values are drawn independently from
        a normal distribution."""
        from scipy.stats import t

        count = len(values)
        if count < 2:
            return cls(values[0] if values else None, None, count)
        quantile = float(t.ppf((1 + level) / 2, count - 1))
        return cls(statistics.fmean(values), quantile * statistics.stdev(values) / math.sqrt(count), count)

    @property
    def low(self) -> float | None:
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        return None if self.half_width is None else self.mean + self.half_width

    def text(self, sign: bool = False) -> str:
        """E.g. ``48.2 ± 1.3``; with a sign ``+3.1 ± 1.3``; ``-`` without numbers."""
        if self.mean is None:
            return '-'
        mean = f'{self.mean:+.1f}' if sign else f'{self.mean:.1f}'
        return mean if self.half_width is None else f'{mean} ± {self.half_width:.1f}'

    def as_dict(self) -> dict:
        return dict(vars(self), low=self.low, high=self.high)
