"""Whether the discriminators of a training learn, by the rules of docs/discriminators.md."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mmuda.registry import TERMS
from mmuda.reports.charts import Picture, line_chart
from mmuda.reports.curves import series_of
from mmuda.reports.methods import Method
from mmuda.reports.run import Run
from mmuda.utils.signatures import default_of

LOSS, SOURCE, TARGET = 'loss_discriminator', 'acc_source', 'acc_target'
OF_CHANCE = {'vanilla': math.log(2), 'lsgan': 0.25}
"""Loss on one domain of a discriminator that knows nothing."""
NOTHING, WON, FOOLED = 0.02, 0.05, 1.05
"""Loss over that of chance: within the first of 1 it learns nothing; below the second it has won; above the third the
segmentor fools it."""
SURE = 0.99
HEALTHY, UNHEALTHY, UNKNOWN = 'healthy', 'unhealthy', 'unknown'


@dataclass(frozen=True)
class Health:
    """What is said of a discriminator in a run.

    Attributes:
        method: Name of the method.
        seed: Seed of the run, if known.
        term: Name of the term that owns the discriminator.
        state: ``HEALTHY``, ``UNHEALTHY`` or ``UNKNOWN``.
        verdict: A sentence with the numbers.
    """

    method: str
    seed: int | None
    term: str
    state: str
    verdict: str


def judged(method: str, run: Run, term: str) -> Health:
    """What the second half of a run's log tells of a discriminator.

    Args:
        method: Name of the method.
        run: The run.
        term: Name of the term that owns the discriminator.
    """
    loss, source, target = (_late(run, f'{term}.{name}') for name in (LOSS, SOURCE, TARGET))
    chance = chance_of(((run.cfg or {}).get('model') or {}).get('terms') or {}, term)
    told = '' if source is None or target is None else f' Accuracies: source {source:.2f}, target {target:.2f}.'
    if loss is None or chance is None:
        state, text = UNKNOWN, 'There is no rule for this loss.'
    else:
        ratio = loss / chance
        of = f'loss {loss:.3f}, {chance:.3f} by chance'
        if abs(ratio - 1) <= NOTHING:
            state, text = UNHEALTHY, f'It learns nothing ({of}), so no gain comes from it.'
        elif ratio > FOOLED:
            state, text = UNHEALTHY, f'The segmentor fools it ({of}).'
        elif ratio < WON and min(source or 0, target or 0) > SURE:
            state, text = UNHEALTHY, f'It has won ({of}), and its gradient says nothing.'
        else:
            state, text = HEALTHY, f'It tells the domains apart without having won ({of}).'
    return Health(method, run.seed, term, state, text + told)


def chance_of(terms: Mapping, term: str) -> float | None:
    """Loss of a discriminator that knows nothing; None for losses without a rule.

    Args:
        terms: The terms of the model's config.
        term: Name of one.
    """
    settings = terms.get(term) or {}
    kind = (settings.get('loss') or {}).get('gan_type')
    cls = TERMS.get(settings['type']) if isinstance(settings.get('type'), str) else None
    weight = settings.get('discriminator_weight', default_of(cls, 'discriminator_weight') if cls else None)
    if kind not in OF_CHANCE or weight in (None, inspect.Parameter.empty):
        return None
    return 2 * weight * OF_CHANCE[kind]


def _late(run: Run, key: str) -> float | None:
    """Mean over the second half of what a run logged."""
    values = list(run.scalars.get(key, {}).values())
    return fmean(values[len(values) // 2 :]) if values else None


def healths_of(methods: Sequence[Method]) -> tuple[list[Health], list[Picture]]:
    """Verdicts on all discriminators of all runs, and charts of their losses, accuracies and gradients."""
    runs = [(method, run) for method in methods for run in method.runs]
    terms = dict.fromkeys(key.rpartition('.')[0] for _, run in runs for key in run.scalars if key.endswith(f'.{LOSS}'))
    found = [
        judged(method.name, run, term) for term in terms for method, run in runs if f'{term}.{LOSS}' in run.scalars
    ]
    charts = []
    for term in terms:
        owners = [method for method in methods if any(f'{term}.{LOSS}' in run.scalars for run in method.runs)]
        chances = {chance_of(((run.cfg or {}).get('model') or {}).get('terms') or {}, term) for run in owners[0].runs}
        level = chances.pop() if len(chances) == 1 else None
        dotted = '' if level is None else 'dotted: a discriminator that knows nothing'
        charts.append(
            line_chart(f'{term}: loss of the discriminator', series_of(owners, f'{term}.{LOSS}'), dotted, level)
        )
        lines = series_of(owners, f'{term}.{SOURCE}') + series_of(owners, f'{term}.{TARGET}', dashed=True)
        if lines:
            caption = 'share that it assigns to the right domain: source solid, target dashed; 0.5 is chance'
            charts.append(line_chart(f'{term}: accuracy', lines, caption, 0.5, (-0.02, 1.02)))
        keys = dict.fromkeys(key for owner in owners for run in owner.runs for key in run.scalars)
        for key in keys:
            if key.endswith(f'{term}.discriminator.grad_norm'):
                charts.append(line_chart(f'{term}: norm of its gradient', series_of(owners, key)))
    return found, charts
