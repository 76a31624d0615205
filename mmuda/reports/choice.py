"""Criteria that need no labels beside the truth, and the models that they choose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmuda.apis.candidates import Candidate, predict_candidates
from mmuda.apis.choose import judge
from mmuda.apis.verdict import Verdict
from mmuda.evaluation.stopping import LOWER_IS_BETTER, choices, sign_of
from mmuda.reports.methods import Cell, Grid, Method
from mmuda.reports.predicting import Model
from mmuda.utils.errors import UserError

PIXELS = 2000


@dataclass(frozen=True)
class Choice:
    """What would be chosen without labels.

    Attributes:
        grid: A row a model: criteria, and the truth where there is one.
        answer: The choice in a sentence; '' if there is but one model.
        chosen: Name of the chosen model.
        truth: How good the choice was, by the labels; '' without labels.
    """

    grid: Grid
    answer: str
    chosen: str
    truth: str


def choice_of(models: Sequence[Model], windows: int, report: Callable[[str], None]) -> Choice:
    """Judge models as :func:`mmuda.apis.choose` does. No label of the target has a say in it.

    In case of doubt the answer is the first model, adapted, if it was; as ``tools/compare.py --choose`` has it.

    Args:
        models: Predicted models (:func:`mmuda.reports.predicting.predict`), without those that were trained on labels
            of the target; the first does not adapt.
        windows: Number of target windows.
        report: Called with lines on the progress.

    Raises:
        UserError: The criteria cannot be computed for one of them.
    """
    candidates = [Candidate(model.name, model.config, (model.checkpoint, *model.others)) for model in models]
    predictions = predict_candidates(candidates, windows, PIXELS, None, report)
    first = models[0]
    doubt = next((model.name for model in models if model.adapted and model.config == first.config), None)
    verdict = judge(predictions, first.name, in_doubt=doubt)
    answer = verdict.answer.replace(verdict.criterion, verdict.criterion.replace('_', ' ')) if len(models) > 1 else ''
    return Choice(_grid(verdict, models), answer, verdict.chosen, _told_truth(verdict, models))


def _grid(verdict: Verdict, models: Sequence[Model]) -> Grid:
    truths = {model.name: model.miou for model in models}
    names = [
        name
        for name in verdict.candidates[0].scores
        if not all(math.isnan(one.scores[name]) for one in verdict.candidates)
    ]
    labelled = any(truth is not None for truth in truths.values())
    head = ['model', *(['truth: mIoU, %'] if labelled else [])]
    head += [f'{name.replace("_", " ")} {"↓" if name in LOWER_IS_BETTER else "↑"}' for name in names]
    best = {name: max(_known(verdict, name), key=lambda value, name=name: sign_of(name) * value) for name in names}
    rows = []
    for one in verdict.candidates:
        truth = truths[one.name]
        cells = [Cell(one.name, one.name)]
        if labelled:
            cells.append(Cell('-' if truth is None else f'{100 * truth:.1f}', truth))
        for name in names:
            value = one.scores[name]
            mark = ' ★' if len(models) > 1 and value == best[name] else ''
            cells.append(Cell('-', None) if math.isnan(value) else Cell(f'{value:.3f}{mark}', value))
        rows.append(cells)
    return Grid(head, rows)


def _known(verdict: Verdict, name: str) -> list[float]:
    return [one.scores[name] for one in verdict.candidates if not math.isnan(one.scores[name])]


def _told_truth(verdict: Verdict, models: Sequence[Model]) -> str:
    truths = {model.name: model.miou for model in models if model.miou is not None}
    if len(truths) < max(2, len(models)):
        return ''
    chosen, first, best = verdict.chosen, models[0].name, max(truths, key=truths.get)
    text = f'By the labels, which had no say, {chosen} has {100 * truths[chosen]:.1f} % mIoU on these windows'
    if chosen != first:
        text += f', {100 * (truths[chosen] - truths[first]):+.1f} points over {first}'
    if chosen == best:
        return f'{text}, and is the best of them.'
    return f'{text}. The best is {best} with {100 * truths[best]:.1f} %.'


def stopping_table(methods: Sequence[Method]) -> Grid | None:
    """Which iteration each criterion would have stopped at; None unless a run was validated three times.

    Methods that were trained on the target's labels are left out, since nobody would need a criterion for them.
    """
    rows = []
    for method in [one for one in methods if not one.target_only]:
        for run in method.runs:
            try:
                found = choices(run.scalars)
            except UserError:  # it was validated less often, or without these scores
                continue
            for one in found:
                correlation = one.correlation
                known = correlation is not None and not math.isnan(correlation)
                rows.append(
                    [
                        Cell(f'{method.name}, seed {run.seed}', f'{method.name} {run.seed}'),
                        Cell(one.criterion.replace('_', ' '), one.criterion),
                        Cell(str(one.iteration), one.iteration),
                        Cell(f'{one.truth:.1f}', one.truth),
                        Cell(f'{correlation:.2f}' if known else '-', correlation if known else None),
                    ]
                )
    head = ['run', 'chosen by', 'iteration', 'mIoU there, %', 'rank correlation with mIoU']
    return Grid(head, rows) if rows else None
