"""What each label-free criterion would have chosen among the models of a suite, and what that cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmuda.apis.candidates import Candidate, predict_candidates
from mmuda.apis.choose import CHOOSING, LEVEL, RESAMPLED, decide, judge
from mmuda.apis.verdict import Judged
from mmuda.evaluation.stopping import sign_of
from mmuda.utils.json_file import read_object, write_json
from mmuda.utils.markdown import markdown_table

if TYPE_CHECKING:
    from mmuda.experiments.benchmark import Cell
    from mmuda.experiments.suite import Suite

WINDOWS, PIXELS = 24, 2000


@dataclass
class Comparison:
    """The models of one pair and seed.

    Attributes:
        pair: Name of the pair.
        seed: The seed.
        judged: Label-free scores.
        truth: mIoU by model, percent.
    """

    pair: str
    seed: int
    judged: list[Judged]
    truth: dict[str, float]


def compare_criteria(suite: Suite, cells: Sequence[Cell], out: Path, report: Callable[[str], None]) -> list[Comparison]:
    """Score all models that need no label of the target, by pair and seed; scores are kept in ``out`` and used again.

    Pairs and seeds without the unadapted model, which is the suite's first reference, or with nothing else are left
    out.
    """
    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        if _counts(suite, cell):
            groups.setdefault((cell.pair.name, cell.seed), []).append(cell)
    found = []
    for (pair, seed), of in groups.items():
        names = [cell.entry.name for cell in of]
        if suite.references[0] not in names or len(names) < 2:
            continue
        truth = {cell.entry.name: cell.run.summary['metrics']['mIoU'] for cell in of}
        path = out / pair / f'choice_seed{seed}.json'
        saved = read_object(path, f'remove {path}') if path.is_file() else {}
        key = dict(truth=truth, unadapted=suite.references[0], windows=WINDOWS, pixels=PIXELS, criteria=list(CHOOSING))
        if any(saved.get(name) != value for name, value in key.items()):
            report(f'{pair} seed {seed}: scoring {len(of)} models without labels')
            saved = dict(key, candidates=_scores(of, suite.references[0], report))
            write_json(saved, path)
        judged = [
            Judged(name, {k: math.nan if v is None else v for k, v in one['scores'].items()}, one['sure'])
            for name, one in saved['candidates'].items()
        ]
        found.append(Comparison(pair, seed, judged, truth))
    return found


def _counts(suite: Suite, cell: Cell) -> bool:
    """Whether it has an mIoU, and reads no label of the target."""
    entry, metrics = cell.entry, (cell.run.summary or {}).get('metrics') or {}
    reads_labels = entry.name == suite.target_only or entry.tiles is not None or entry.uses_target_labels
    return not reads_labels and metrics.get('mIoU') is not None


def _scores(cells: Sequence[Cell], unadapted: str, report) -> dict:
    models = [Candidate(cell.entry.name, cell.run.config_path, (cell.checkpoint,)) for cell in cells]
    predictions = predict_candidates(models, WINDOWS, PIXELS, None, report)
    return judge(predictions, unadapted).as_dict()['candidates']


def table_of_criteria(comparisons: Sequence[Comparison], unadapted: str) -> str:
    """A row per criterion: how far its choice is from the best model, and from the unadapted one; Markdown."""
    from scipy.stats import spearmanr

    rows = []
    for criterion in CHOOSING:
        picks, correlations = [], []
        for one in comparisons:
            known = [candidate for candidate in one.judged if not math.isnan(candidate.scores.get(criterion, math.nan))]
            if unadapted not in [candidate.name for candidate in known] or len(known) < 2:
                continue
            verdict = decide(known, unadapted, criterion, LEVEL, 0)
            picks.append((one.truth, verdict.best, verdict.chosen))
            scores = [sign_of(criterion) * candidate.scores[criterion] for candidate in known]
            correlations.append(spearmanr(scores, [one.truth[candidate.name] for candidate in known]).statistic)
        if not picks:
            continue
        cells = [criterion, len(picks), f'{_mean(correlations):.2f}']
        for position in (1, 2) if criterion in RESAMPLED else (1,):
            chosen = [(pick[0][pick[position]], pick[0]) for pick in picks]
            gains = [score - truth[unadapted] for score, truth in chosen]
            lost = [score - max(truth.values()) for score, truth in chosen]
            cells += [f'{_mean(gains):+.1f}', f'{min(gains):+.1f}', f'{_mean(lost):+.1f}']
        rows.append(cells if criterion in RESAMPLED else [*cells, '-', '-', '-'])
    always = [(max(one.truth.values()) - one.truth[unadapted]) for one in comparisons]
    header = ['criterion', 'comparisons', 'rank correlation']
    for how in ('best', 'sure'):
        header += [f'{how}: gain', f'{how}: worst gain', f'{how}: minus the best model']
    text = f'## What a choice without labels brings\n\n{markdown_table(header, rows)}\n\n'
    return text + (
        f'Points of mIoU, means over {len(comparisons)} pairs and seeds. Gain is over `{unadapted}`. `best` takes the '
        f'model with the best score, `sure` takes `{unadapted}` unless the best one beats it in {100 * LEVEL:.0f} % of '
        f'the resamples. The best model of each, which only labels tell, gains {_mean(always):+.1f}.'
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
