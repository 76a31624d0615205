"""Chooses among trained models without labels of the target, and says how sure the choice is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mmuda.apis.candidates import BLOCKS, Candidate, Predictions, predict_candidates
from mmuda.evaluation import criteria
from mmuda.evaluation.stopping import LOWER_IS_BETTER, sign_of
from mmuda.utils.errors import UserError
from mmuda.utils.json_file import write_json
from mmuda.utils.markdown import markdown_table

DEFAULT = 'information_maximisation'
LEVEL = 0.95
"""Share of the resamples in which the choice must beat the unadapted model."""
RESAMPLES = 1000
NEIGHBOURS = 5000  # pixels; the cost of the density and of Hopkins' statistic grows with their square


@dataclass(frozen=True)
class Criterion:
    """A criterion that follows from sums over pixels, so that windows can be drawn again.

    Attributes:
        statistics: Predictions and those of all candidates together -> (M, D), what each pixel adds.
        value: Sums (..., D) -> the score (...).
    """

    statistics: Callable[[Predictions, Tensor], Tensor]
    value: Callable[[Tensor], Tensor]


def _entropies(own: Predictions, ensemble: Tensor) -> Tensor:
    return criteria.entropy_statistics(own.prob)


def _pairs(first: Tensor, second: Tensor, classes: int) -> Tensor:
    """(M, K * K), one where a pixel has this pair of classes."""
    return torch.nn.functional.one_hot(first.long() * classes + second.long(), classes**2).double()


def _agreement(sums: Tensor) -> Tensor:
    classes = math.isqrt(sums.shape[-1])
    return criteria.agreement(sums.unflatten(-1, (classes, classes)))


def _with_flip(own: Predictions, ensemble: Tensor) -> Tensor:
    return _pairs(own.label, own.flipped, own.prob.shape[1])


def _with_scale(own: Predictions, ensemble: Tensor) -> Tensor:
    return _pairs(own.label, own.scaled, own.prob.shape[1])


def _with_ensemble(own: Predictions, ensemble: Tensor) -> Tensor:
    return _pairs(own.label, ensemble, own.prob.shape[1])


RESAMPLED = {
    'entropy': Criterion(_entropies, criteria.mean_entropy),
    'information_maximisation': Criterion(_entropies, criteria.information),
    'flip_consistency': Criterion(_with_flip, _agreement),
    'scale_consistency': Criterion(_with_scale, _agreement),
    # EnsV (Hu et al., 2023): the mean of all candidates' predictions takes the place of the truth.
    'ensemble_agreement': Criterion(_with_ensemble, _agreement),
}
OTHERS = (
    'seed_agreement',
    'soft_neighbourhood_density',
    'transfer_score',
    'importance_weighted_validation',
    'class_shares',
)
CHOOSING = (*RESAMPLED, *OTHERS)


@dataclass
class Judged:
    """A candidate.

    Attributes:
        name: Its name.
        scores: Value by criterion; NaN where one cannot be computed.
        sure: By criterion, the share of the resamples in which it beats the unadapted model; empty for the unadapted
            one, and without the criteria that cannot be resampled.
    """

    name: str
    scores: dict[str, float]
    sure: dict[str, float]


@dataclass
class Verdict:
    """A choice among candidates; ``str()`` is a table with the answer.

    Attributes:
        candidates: All of them, in order.
        criterion: Name of the criterion that chose.
        unadapted: Name of the model without adaptation.
        best: The candidate with the best score.
        chosen: The answer: ``best`` if it is surely better than the unadapted model, else the latter.
        level: Share of the resamples that counts as sure.
        windows: Number of target windows.
    """

    candidates: list[Judged]
    criterion: str
    unadapted: str
    best: str
    chosen: str
    level: float
    windows: int

    @property
    def adapt(self) -> bool:
        """Whether an adapted model was chosen."""
        return self.chosen != self.unadapted

    def as_dict(self) -> dict:
        rows = {
            one.name: dict(
                scores={key: None if math.isnan(value) else value for key, value in one.scores.items()}, sure=one.sure
            )
            for one in self.candidates
        }
        head = {key: getattr(self, key) for key in ('criterion', 'unadapted', 'best', 'chosen', 'level', 'windows')}
        return dict(head, adapt=self.adapt, candidates=rows)

    def write(self, path: str | os.PathLike) -> None:
        """Write everything as JSON."""
        write_json(self.as_dict(), Path(path))

    def __str__(self) -> str:
        header = ['model', *CHOOSING, 'beats the unadapted']
        rows = []
        for one in self.candidates:
            cells = ['-' if math.isnan(one.scores[name]) else f'{one.scores[name]:.3f}' for name in CHOOSING]
            sure = one.sure.get(self.criterion)
            rows.append([one.name, *cells, '' if sure is None else f'{100 * sure:.0f} %'])
        sure = next(one.sure.get(self.criterion) for one in self.candidates if one.name == self.best)
        told = '' if sure is None else f' (it beats {self.unadapted} in {100 * sure:.0f} % of the resamples)'
        if self.best == self.unadapted:
            answer = f'Do not adapt: by {self.criterion} no model is better than {self.unadapted}.'
        elif self.adapt:
            answer = f'Use {self.chosen}: it is the best by {self.criterion}{told}.'
        else:
            answer = f'Do not adapt: {self.best} is the best by {self.criterion}, but not surely better{told}.'
        lower = ', '.join(LOWER_IS_BETTER)
        return '\n\n'.join(
            [
                markdown_table(header, rows),
                f'{self.windows} target windows without labels. Higher is better, but for {lower}.',
                answer,
            ]
        )


def choose(
    candidates: Sequence[Candidate | str],
    unadapted: str | None = None,
    criterion: str = DEFAULT,
    windows: int = 24,
    pixels: int = 2000,
    level: float = LEVEL,
    seed: int = 0,
    device: str | os.PathLike | None = None,
    report: Callable[[str], None] = print,
) -> Verdict:
    """Choose among trained models by a criterion that needs no labels of the target.

    All predict the same windows of the first candidate's test set, whose labels are not read. Blocks of these windows
    are drawn again with replacement to see how often the best one would beat the unadapted one.

    Args:
        candidates: The models, or texts for :meth:`Candidate.parse`.
        unadapted: Name of the model without adaptation, the answer in case of doubt; None is the first candidate.
        criterion: One of ``RESAMPLED``; the others cannot say how sure they are.
        windows: Number of windows, spread evenly over the test set.
        pixels: Pixels drawn from each window.
        level: Share of the resamples in which the choice must beat the unadapted model.
        seed: Seed of the resamples.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.
        report: Called with lines for the user.

    Returns:
        The verdict.

    Raises:
        UserError: Fewer than two candidates, two of one name, an unknown name or criterion, models of different
            classes, or a criterion that cannot be computed for a candidate.
    """
    found = [one if isinstance(one, Candidate) else Candidate.parse(one) for one in candidates]
    names = [one.name for one in found]
    if len(found) < 2 or len(set(names)) < len(names):
        raise UserError(f'{len(found)} models were given, {", ".join(names)}; give two or more of different names')
    unadapted = unadapted or names[0]
    if unadapted not in names:
        raise UserError(f'unadapted={unadapted!r} is none of the models {", ".join(names)}')
    if criterion not in RESAMPLED:
        why = 'cannot say how sure it is' if criterion in OTHERS else 'is unknown'
        raise UserError(f'criterion={criterion!r} {why}; choose one of {", ".join(RESAMPLED)}')
    return judge(predict_candidates(found, windows, pixels, device, report), unadapted, criterion, level, seed)


def judge(
    predictions: Mapping[str, Sequence[Predictions]],
    unadapted: str,
    criterion: str = DEFAULT,
    level: float = LEVEL,
    seed: int = 0,
) -> Verdict:
    """As :func:`choose`, from the predictions of each candidate's checkpoints."""
    first = {name: of[0] for name, of in predictions.items()}
    ensemble = (sum(one.prob for one in first.values()) / len(first)).argmax(dim=1)
    shares = next((one.source_shares for one in first.values() if one.source_shares is not None), None)
    sums = {
        name: {key: _by_block(rule.statistics(one, ensemble), one.block) for key, rule in RESAMPLED.items()}
        for name, one in first.items()
    }
    judged = []
    drawn = {name: _drawn_again(of, seed) for name, of in sums.items()}
    for name in first:
        scores = {key: rule.value(sums[name][key].sum(dim=0)).item() for key, rule in RESAMPLED.items()}
        sure = {}
        if name != unadapted:
            ahead = {key: (drawn[name][key] - drawn[unadapted][key]) * sign_of(key) > 0 for key in RESAMPLED}
            sure = {key: values.double().mean().item() for key, values in ahead.items()}
        judged.append(Judged(name, scores | _others(predictions[name], shares, seed), sure))
    return decide(judged, unadapted, criterion, level, _windows(first))


def decide(candidates: list[Judged], unadapted: str, criterion: str, level: float, windows: int) -> Verdict:
    """The verdict from the scores of all candidates.

    Raises:
        UserError: The criterion is unknown for one of them.
    """
    missing = [one.name for one in candidates if math.isnan(one.scores[criterion])]
    if missing:
        raise UserError(f'{criterion} cannot be computed for {", ".join(missing)}; choose another criterion')
    best = max(candidates, key=lambda one: sign_of(criterion) * one.scores[criterion])
    chosen = best.name if best.sure.get(criterion, 0.0) >= level else unadapted
    return Verdict(candidates, criterion, unadapted, best.name, chosen, level, windows)


def _windows(predictions: Mapping[str, Predictions]) -> int:
    return int(next(iter(predictions.values())).block.max()) // BLOCKS**2 + 1


def _by_block(statistics: Tensor, block: Tensor) -> Tensor:
    numbers = block.unique(return_inverse=True)[1]
    total = statistics.new_zeros(int(numbers.max()) + 1, statistics.shape[1])
    return total.index_add(0, numbers, statistics)


def _drawn_again(sums: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Scores (R,) by criterion on blocks drawn with replacement, the same ones for every candidate."""
    generator = torch.Generator().manual_seed(seed)
    blocks = len(next(iter(sums.values())))
    drawn = torch.randint(blocks, (RESAMPLES, blocks), generator=generator)
    times = torch.zeros(RESAMPLES, blocks, dtype=torch.float64).scatter_add_(1, drawn, torch.ones_like(drawn).double())
    return {key: rule.value(times @ sums[key]) for key, rule in RESAMPLED.items()}


def _others(runs: Sequence[Predictions], shares: Tensor | None, seed: int) -> dict[str, float]:
    """Criteria that are no function of sums over pixels."""
    one, classes = runs[0], runs[0].prob.shape[1]
    every = max(1, -(-len(one.prob) // NEIGHBOURS))
    scores = dict.fromkeys(OTHERS, math.nan)
    scores['soft_neighbourhood_density'] = criteria.soft_neighbourhood_density(one.prob[::every])
    if len(runs) > 1:
        pairs = [(a, b) for number, a in enumerate(runs) for b in runs[number + 1 :]]
        agreed = [criteria.agreement(criteria.confusion(a.label, b.label, classes)).item() for a, b in pairs]
        scores['seed_agreement'] = sum(agreed) / len(agreed)
    if one.features is not None:
        features = one.features[::every]
        scores['transfer_score'] = criteria.transfer_score(one.prob, features, one.classifier, seed)
        if one.source_features is not None:
            weights = criteria.importance_weights(one.source_features, one.features)
            scores['importance_weighted_validation'] = criteria.weighted_accuracy(one.source_correct, weights)
    if shares is not None:
        scores['class_shares'] = -criteria.divergence(shares, one.prob.double().mean(dim=0))
    return scores
