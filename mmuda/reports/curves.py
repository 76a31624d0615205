"""Curves of what the runs logged: losses of all terms, scores of the validations, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuda.evaluation.label_free_metric import CRITERIA
from mmuda.evaluation.stopping import LOWER_IS_BETTER
from mmuda.reports.charts import Picture, Series, line_chart
from mmuda.reports.methods import Method

TIMES = ('time', 'data_time', 'memory', 'eta')
SCORES = ('mIoU', 'aAcc', 'mAcc')
CLASS = 'IoU.'
MEANINGS = dict(
    mIoU='percent: overlap with the truth, mean over classes',
    aAcc='percent: pixels that are right',
    mAcc='percent: pixels of a class that are found, mean over classes',
)
OF_DISCRIMINATOR = ('loss_discriminator', 'acc_source', 'acc_target')


@dataclass(frozen=True)
class Curves:
    """Charts by what they show.

    Attributes:
        losses: Losses of terms, before they are added up, and their sums.
        scores: Scores with labels, then without, at validations.
        others: Learning rates, norms of gradients, and the like.
    """

    losses: list[Picture]
    scores: list[Picture]
    others: list[Picture]


def curves_of(methods: Sequence[Method]) -> Curves:
    """Charts of all that was logged but discriminators and times; a line a run."""
    keys = dict.fromkeys(key for method in methods for run in method.runs for key in run.scalars)
    keys = [key for key in keys if key not in TIMES and not is_of_discriminator(key) and _is_curve(methods, key)]
    scores = [key for key in (*SCORES, *CRITERIA, *sorted(keys)) if key in keys and _is_score(key)]
    losses = sorted((key for key in keys if 'loss' in key.rpartition('.')[2]), key=_order)
    others = sorted(key for key in keys if key not in scores and key not in losses)
    return Curves(
        [_chart(methods, key) for key in losses],
        [_chart(methods, key, _meaning(key)) for key in dict.fromkeys(scores)],
        [_chart(methods, key) for key in others],
    )


def is_of_discriminator(key: str) -> bool:
    """Whether a scalar tells of a discriminator; these are drawn beside each other."""
    return key.rpartition('.')[2] in OF_DISCRIMINATOR or key.endswith('discriminator.grad_norm')


def _is_curve(methods: Sequence[Method], key: str) -> bool:
    """Whether a run logged a scalar more than once."""
    return any(len(run.scalars.get(key, ())) > 1 for method in methods for run in method.runs)


def _is_score(key: str) -> bool:
    return key in SCORES or key in CRITERIA or key.startswith(CLASS)


def _order(key: str) -> tuple[bool, str]:
    """Losses of terms before sums over terms, whose last word is ``loss``."""
    return key.endswith('.loss'), key


def _meaning(key: str) -> str:
    if key in CRITERIA:
        return 'needs no labels; lower is better' if key in LOWER_IS_BETTER else 'needs no labels; higher is better'
    return MEANINGS.get(key, 'percent: overlap with the truth of this class')


def _chart(methods: Sequence[Method], key: str, caption: str = '') -> Picture:
    return line_chart(key, series_of(methods, key), caption)


def series_of(methods: Sequence[Method], key: str, dashed: bool = False) -> list[Series]:
    """A line for each run that logged a scalar, in its method's colour."""
    return [
        Series(method.name, method.colour, list(run.scalars[key]), list(run.scalars[key].values()), dashed)
        for method in methods
        for run in method.runs
        if key in run.scalars
    ]
