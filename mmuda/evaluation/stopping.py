"""The iteration that a label-free criterion would have chosen in a training, and how good that choice was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmuda.evaluation.label_free_metric import CRITERIA
from mmuda.utils.errors import UserError

LOWER_IS_BETTER = ('entropy',)
LAST, BEST = 'last', 'best'


def sign_of(criterion: str) -> int:
    """-1 for a criterion of which lower is better, else 1."""
    return -1 if criterion in LOWER_IS_BETTER else 1


@dataclass(frozen=True)
class Choice:
    """One way to choose an iteration of a run.

    Attributes:
        criterion: A label-free criterion, ``'last'`` for the end of the training, or ``'best'`` for the choice that
            only labels allow.
        iteration: The chosen iteration; the earliest in a tie.
        truth: The score with labels at that iteration.
        correlation: Spearman's rank correlation of the criterion with the truth over the validations, in [-1, 1] and
            positive if the criterion agrees; None for ``'last'`` and ``'best'``, NaN if either is constant.
    """

    criterion: str
    iteration: int
    truth: float
    correlation: float | None


def choices(
    scalars: Mapping[str, Mapping[int, float]], truth: str = 'mIoU', criteria: Sequence[str] = CRITERIA
) -> list[Choice]:
    """Each criterion's choice among a run's validations, together with the last iteration and the best one.

    Args:
        scalars: Logged scalars of the run: name -> iteration -> value.
        truth: Name of the score with labels; higher is better.
        criteria: Names of the label-free criteria; the sign of those in ``LOWER_IS_BETTER`` is flipped.

    Returns:
        ``'last'``, the criteria in order, ``'best'``.

    Raises:
        UserError: If the run did not log one of them, or logged fewer than three validations with all of them.
    """
    from scipy.stats import spearmanr

    missing = [name for name in (truth, *criteria) if name not in scalars]
    if missing:
        raise UserError(f'{missing[0]!r} was not logged; validate with ClassIoUMetric and LabelFreeMetric')
    steps = sorted(set.intersection(*(set(scalars[name]) for name in (truth, *criteria))))
    if len(steps) < 3:
        raise UserError(f'{len(steps)} validations were logged; validate more often (train_cfg.val_interval)')
    true = [scalars[truth][step] for step in steps]

    def choice(name: str, values: list[float], correlated: bool) -> Choice:
        known = [(value, -step) for step, value in zip(steps, values, strict=True) if not math.isnan(value)]
        at = -max(known)[1] if known else steps[-1]
        constant = len(set(values)) < 2 or len(set(true)) < 2
        correlation = math.nan if constant else float(spearmanr(values, true).statistic)
        return Choice(name, at, scalars[truth][at], correlation if correlated else None)

    found = [Choice(LAST, steps[-1], true[-1], None)]
    for name in criteria:
        sign = sign_of(name)
        found.append(choice(name, [sign * scalars[name][step] for step in steps], True))
    return [*found, choice(BEST, true, False)]
