"""Scores of predictions that need no label: functions of probabilities, predicted classes and features.

Higher is better for all but :func:`entropy`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TINY = 1e-12


def entropy_statistics(prob: Tensor) -> Tensor:
    """What each pixel adds to the sums of :func:`mean_entropy` and :func:`information`.

    Args:
        prob: Probabilities (M, K) of M pixels.

    Returns:
        (M, 2 + K) float64: one, the entropy, the probabilities.
    """
    prob = prob.double()
    entropies = -(prob * (prob + TINY).log()).sum(dim=1, keepdim=True)
    return torch.cat([torch.ones_like(entropies), entropies, prob], dim=1)


def mean_entropy(sums: Tensor) -> Tensor:
    """:func:`entropy` from sums (..., 2 + K) over pixels of :func:`entropy_statistics`."""
    return sums[..., 1] / sums[..., 0] / math.log(sums.shape[-1] - 2)


def information(sums: Tensor) -> Tensor:
    """:func:`information_maximisation` from sums (..., 2 + K) over pixels of :func:`entropy_statistics`."""
    mean = sums[..., 2:] / sums[..., :1]
    return -(mean * (mean + TINY).log()).sum(dim=-1) / math.log(mean.shape[-1]) - mean_entropy(sums)


def entropy(prob: Tensor) -> float:
    """Mean entropy of predictions over log K.

    Args:
        prob: Probabilities (M, K) of M pixels.

    Returns:
        In [0, 1]; lower is better.
    """
    return mean_entropy(entropy_statistics(prob).sum(dim=0)).item()


def information_maximisation(prob: Tensor) -> float:
    """Entropy of the mean prediction minus the mean entropy, over log K (Krause et al., 2010; Shi and Sha, 2012).

    High if each pixel is predicted with confidence and all classes are used; 0 for a model that predicts one class
    everywhere.

    Args:
        prob: Probabilities (M, K) of M pixels.

    Returns:
        In [0, 1].
    """
    return information(entropy_statistics(prob).sum(dim=0)).item()


def soft_neighbourhood_density(prob: Tensor, temperature: float = 0.05) -> float:
    """Mean entropy of predictions' soft neighbourhoods (Saito et al., https://arxiv.org/abs/2108.10860, eqs. 1-3).

    A softmax turns each prediction's similarities to the others (cosine of the probability vectors), divided by
    ``temperature``, into a distribution. Its entropy is high if a prediction has many near neighbours, as in dense
    clusters.

    Args:
        prob: Probabilities (M, K) of M pixels.
        temperature: 0.05 in the paper.

    Returns:
        In [0, log(M - 1)]. NaN for fewer than two pixels.
    """
    if len(prob) < 2:
        return math.nan
    vectors = torch.nn.functional.normalize(prob.double(), dim=1)
    total = 0.0
    for start in range(0, len(vectors), 1024):
        block = vectors[start : start + 1024]
        similarity = block @ vectors.T / temperature
        own = torch.arange(len(block), device=prob.device)
        similarity[own, own + start] = -math.inf
        neighbours = similarity.softmax(dim=1)
        total -= (neighbours * (neighbours + TINY).log()).sum().item()
    return total / len(vectors)


def confusion(first: Tensor, second: Tensor, classes: int) -> Tensor:
    """Number of pixels by pair of classes.

    Args:
        first: Classes (M,) in one prediction.
        second: Classes (M,) in the other.
        classes: Number K of classes.

    Returns:
        (K, K) float64; entry (i, j) counts pixels that are i in the first and j in the second.
    """
    pairs = first.long() * classes + second.long()
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes).double()


def agreement(counts: Tensor) -> Tensor:
    """mIoU between two predictions: the mean over the classes that either of them uses of intersection over union.

    Args:
        counts: (..., K, K) of :func:`confusion`.

    Returns:
        (...) in [0, 1]; NaN without pixels.
    """
    same = counts.diagonal(dim1=-2, dim2=-1)
    union = counts.sum(dim=-1) + counts.sum(dim=-2) - same
    used = union > 0
    return (same / union.clamp(min=1)).where(used, 0.0).sum(dim=-1) / used.sum(dim=-1)


def transfer_score(prob: Tensor, features: Tensor, classifier: Tensor, seed: int = 0) -> float:
    """Transfer score: uniformity of the classifier, Hopkins' statistic of the features, and mutual information.

    After Yang et al., 2023 (https://arxiv.org/abs/2305.18712). The first part is minus the mean absolute difference of
    the cosines between classifier weights from -1 / (K - 1), their value if they point in directions as even as
    possible. The last part is :func:`information_maximisation`. Hopkins' statistic compares distances to the nearest
    feature, from points drawn uniformly in the features' bounding box and from features; a twentieth of the features is
    drawn.

    Args:
        prob: Probabilities (M, K) of M pixels of the target.
        features: What the classifier takes, (N, C) of N pixels.
        classifier: Its weights (K, C).
        seed: Seed of the draws.

    Returns:
        In [-2, 2]; NaN for fewer than 20 features.
    """
    if len(features) < 20:
        return math.nan
    weights = torch.nn.functional.normalize(classifier.double(), dim=1)
    classes = len(weights)
    cosines = (weights @ weights.T)[~torch.eye(classes, dtype=torch.bool, device=weights.device)]
    uniformity = (cosines + 1 / (classes - 1)).abs().mean().item()
    return -uniformity + hopkins(features, seed) + information_maximisation(prob)


def hopkins(features: Tensor, seed: int = 0) -> float:
    """Hopkins' statistic of features (N, C) in [0, 1]: 0.5 for a uniform cloud, towards 1 for clusters."""
    features = features.double()
    generator = torch.Generator().manual_seed(seed)
    count = max(1, len(features) // 20)
    low, high = features.min(dim=0).values, features.max(dim=0).values
    uniform = low + (high - low) * torch.rand(count, features.shape[1], generator=generator, dtype=features.dtype)
    chosen = torch.randperm(len(features), generator=generator)[:count]
    to_features = torch.cdist(uniform, features).min(dim=1).values.sum()
    # The nearest is the feature itself, at distance 0.
    among = torch.cdist(features[chosen], features).topk(2, largest=False).values[:, 1].sum()
    return (to_features / (to_features + among).clamp(min=TINY)).item()


def importance_weights(source: Tensor, target: Tensor, limit: float = 20.0) -> Tensor:
    """Density ratio target over source of source features, from a logistic regression of the domain.

    Args:
        source: Features (M, C) of the source.
        target: Features (N, C) of the target.
        limit: Largest weight.

    Returns:
        (M,) non-negative weights.
    """
    both = torch.cat([source, target]).double()
    both = (both - both.mean(dim=0)) / both.std(dim=0).clamp(min=1e-6)
    is_target = torch.cat([torch.zeros(len(source)), torch.ones(len(target))]).double()
    weight = torch.zeros(both.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn='strong_wolfe')

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(both @ weight + bias, is_target)
        value = value + 1e-3 * weight.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    odds = (both[: len(source)] @ weight + bias).detach().exp()
    return (odds * len(source) / len(target)).clamp(max=limit)


def weighted_accuracy(correct: Tensor, weights: Tensor) -> float:
    """Importance-weighted accuracy on the source (Sugiyama et al., 2007): sum of w * correct over the sum of w.

    Args:
        correct: (M,) bool.
        weights: (M,) of :func:`importance_weights`.

    Returns:
        In [0, 1].
    """
    return ((weights * correct).sum() / weights.sum().clamp(min=TINY)).item()


def divergence(shares: Tensor, predicted: Tensor) -> float:
    """Kullback-Leibler divergence of predicted class shares from known ones, both (K,); 0 if they are equal."""
    return (shares * ((shares + TINY) / (predicted + TINY)).log()).sum().item()
