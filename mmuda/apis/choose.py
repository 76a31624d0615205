"""Chooses among trained models without labels of the target, and says how sure the choice is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmuda.apis.candidates import BLOCKS, Candidate, Predictions, predict_candidates
from mmuda.apis.verdict import Judged, Verdict
from mmuda.evaluation import criteria
from mmuda.evaluation.stopping import sign_of
from mmuda.utils.errors import UserError

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
    in_doubt: str | None = None,
) -> Verdict:
    """Choose among trained models by a criterion that needs no labels of the target.

    All predict the same windows of the first candidate's test set, whose labels are not read. Blocks of these windows
    are drawn again with replacement to see how often the best one would beat the answer in case of doubt.

    Args:
        candidates: The models, or texts for :meth:`Candidate.parse`.
        unadapted: Name of the model without adaptation; None is the first candidate.
        criterion: One of ``RESAMPLED``; the others cannot say how sure they are.
        windows: Number of windows, spread evenly over the test set.
        pixels: Pixels drawn from each window.
        level: Share of the resamples in which the choice must beat the answer in case of doubt.
        seed: Seed of the resamples.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.
        report: Called with lines for the user.
        in_doubt: Name of the answer in case of doubt; None is the model without adaptation.

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
    for key, name in dict(unadapted=unadapted, in_doubt=in_doubt or unadapted).items():
        if name not in names:
            raise UserError(f'{key}={name!r} is none of the models {", ".join(names)}')
    if criterion not in RESAMPLED:
        why = 'cannot say how sure it is' if criterion in OTHERS else 'is unknown'
        raise UserError(f'criterion={criterion!r} {why}; choose one of {", ".join(RESAMPLED)}')
    predictions = predict_candidates(found, windows, pixels, device, report)
    return judge(predictions, unadapted, criterion, level, seed, in_doubt)


def judge(
    predictions: Mapping[str, Sequence[Predictions]],
    unadapted: str,
    criterion: str = DEFAULT,
    level: float = LEVEL,
    seed: int = 0,
    in_doubt: str | None = None,
) -> Verdict:
    """As :func:`choose`, from the predictions of each candidate's checkpoints."""
    in_doubt = in_doubt or unadapted
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
        if name != in_doubt:
            ahead = {key: (drawn[name][key] - drawn[in_doubt][key]) * sign_of(key) > 0 for key in RESAMPLED}
            sure = {key: values.double().mean().item() for key, values in ahead.items()}
        judged.append(Judged(name, scores | _others(predictions[name], shares, seed), sure))
    return decide(judged, unadapted, criterion, level, _windows(first), in_doubt)


def decide(
    candidates: list[Judged], unadapted: str, criterion: str, level: float, windows: int, in_doubt: str | None = None
) -> Verdict:
    """The verdict from the scores of all candidates.

    Raises:
        UserError: The criterion is unknown for one of them.
    """
    missing = [one.name for one in candidates if math.isnan(one.scores[criterion])]
    if missing:
        raise UserError(f'{criterion} cannot be computed for {", ".join(missing)}; choose another criterion')
    best = max(candidates, key=lambda one: sign_of(criterion) * one.scores[criterion])
    in_doubt = in_doubt or unadapted
    chosen = best.name if best.sure.get(criterion, 0.0) >= level else in_doubt
    return Verdict(candidates, criterion, unadapted, in_doubt, best.name, chosen, level, windows)


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
