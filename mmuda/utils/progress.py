"""Reports how far a long task is and how long it will take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Progress:
    """Reports a task's progress from time to time, with an estimate of the time left.

    Args:
        total: Units of the whole task.
        what: Name of the units, e.g. ``'tiles'``.
        report: Called with a line; None reports nothing.
        done: Units done by an earlier process; they do not count for the estimate.
        seconds: Minimum time between two lines.
        last: Also report when all is done.
    """

    def __init__(
        self,
        total: int,
        what: str,
        report: Callable[[str], None] | None,
        done: int = 0,
        seconds: float = 10.0,
        last: bool = False,
    ) -> None:
        self.total, self.what, self.report = total, what, report
        self.first, self.seconds, self.last = done, seconds, last
        self._began = self._said = time.monotonic()

    def update(self, done: int) -> None:
        """Update the number of units done; reports it if enough time has passed.

        Args:
            done: Units done, including those of an earlier process.
        """
        now = time.monotonic()
        ended = done >= self.total
        if self.report is None or (not self.last if ended else now - self._said < self.seconds):
            return
        self._said = now
        spent = now - self._began
        left = spent / max(1, done - self.first) * (self.total - done)
        self.report(f'{done} of {self.total} {self.what} after {spent:.0f} s, about {left:.0f} s left')


def duration(seconds: float) -> str:
    """A duration in readable form: ``'45 s'``, ``'12.5 min'``, ``'3.2 h'``; ``'unknown'`` if it is NaN."""
    if math.isnan(seconds):
        return 'unknown'
    minutes = seconds / 60
    if minutes < 1:
        return f'{seconds:.0f} s'
    return f'{minutes:.1f} min' if minutes < 120 else f'{minutes / 60:.1f} h'
