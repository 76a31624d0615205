"""Rules for numbers that a user gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real

from mmuda.utils.errors import UserError

# numpy takes 32 bits, and workers, ranks and stages add to the seed of the run.
HIGHEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Rule:
    """A rule for a value.

    Attributes:
        text: The rule in words, as the end of "give ...".
        holds: Whether a value obeys it.
    """

    text: str
    holds: Callable[[object], bool]


def _number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _each(holds: Callable[[object], bool]) -> Callable[[object], bool]:
    """Applies a rule to one value or to each value of a sequence."""

    def every(value) -> bool:
        return bool(value) and all(map(holds, value)) if isinstance(value, list | tuple) else holds(value)

    return every


COUNT = Rule('a whole number of at least 1', lambda v: _whole(v) and v >= 1)
COUNTS = Rule('whole numbers of at least 1', _each(COUNT.holds))
AMOUNT = Rule('a whole number of at least 0', lambda v: _whole(v) and v >= 0)
INTERVAL = Rule('a whole number of at least 1, or -1 for never', lambda v: _whole(v) and (v >= 1 or v == -1))
KEPT = Rule('a whole number of at least 1, or -1 for all', INTERVAL.holds)
POSITIVE = Rule('a number above 0', lambda v: _number(v) and v > 0)
POSITIVES = Rule('numbers above 0', _each(POSITIVE.holds))
NOT_NEGATIVE = Rule('a number of at least 0', lambda v: _number(v) and v >= 0)
SHARE = Rule('a number between 0 and 1', lambda v: _number(v) and 0 <= v <= 1)
SHARES = Rule('numbers between 0 and 1', _each(SHARE.holds))
BELOW_ONE = Rule('a number below 1', lambda v: _number(v) and v < 1)
MOMENTUM = Rule('a number of at least 0 and below 1', lambda v: _number(v) and 0 <= v < 1)
EMA_MOMENTUM = Rule('a number above 0 and below 1', lambda v: _number(v) and 0 < v < 1)


def _range(value) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_number, value)) and value[0] < value[1]


RANGE = Rule(
    '(low, high) with low < high, or such a pair for each band',
    lambda v: _range(v) or (isinstance(v, list | tuple) and bool(v) and all(map(_range, v))),
)
SEED = Rule(f'a whole number from 0 to {HIGHEST_SEED}', lambda v: _whole(v) and 0 <= v <= HIGHEST_SEED)
WEIGHT = Rule(
    'a number of at least 0; to remove a term set it to None, and to maximise something write a loss of its own',
    NOT_NEGATIVE.holds,
)
IOU_METRICS = Rule("some of 'mIoU', 'mDice' and 'mFscore'", _each(lambda v: v in ('mIoU', 'mDice', 'mFscore')))
MOMENTA = Rule('numbers of at least 0 and below 1', _each(MOMENTUM.holds))


def require(rule: Rule, key: str, value) -> None:
    """Refuse a value that breaks a rule; None means not given.

    Raises:
        UserError: Naming the key, the value and the rule.
    """
    if value is not None and not rule.holds(value):
        raise UserError(f'{key}={value!r}; give {rule.text}')


def require_each(rule: Rule, owner: object, **values) -> None:
    """:func:`require` for arguments of a constructor.

    Args:
        rule: Rule for each value.
        owner: The object they belong to.
        **values: Values by name; None means not given.
    """
    for name, value in values.items():
        require(rule, f'{type(owner).__name__}: {name}', value)
