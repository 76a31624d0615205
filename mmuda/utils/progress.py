"""How far a long task is, and when it will end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Progress:
    """Reports a task's progress now and then, with an estimate of the time left.

    Args:
        total: Units of the whole task.
        what: What is said of them, e.g. ``'tiles'``.
        report: Called with a line; None reports nothing.
        done: Units that an earlier process did; they have no part in the estimate.
        seconds: At least so long between two lines.
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
        """Say that so many units are done; reported if it is time.

        Args:
            done: Units done, those of an earlier process included.
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
    """A time as people say it: ``'45 s'``, ``'12.5 min'``, ``'3.2 h'``; ``'unknown'`` if it is NaN."""
    if math.isnan(seconds):
        return 'unknown'
    minutes = seconds / 60
    if minutes < 1:
        return f'{seconds:.0f} s'
    return f'{minutes:.1f} min' if minutes < 120 else f'{minutes / 60:.1f} h'
