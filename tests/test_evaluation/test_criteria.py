"""Label-free criteria against plain re-implementations of their definitions."""

import math

import numpy as np
import pytest
import torch

from mmuda.evaluation import criteria


def probabilities(count, classes, seed=0, sharp=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (sharp * torch.randn(count, classes, generator=generator)).softmax(dim=1)


def test_entropy_and_information_by_hand():
    prob = probabilities(50, 4)
    rows = [[float(p) for p in row] for row in prob]
    mean_entropy = sum(-sum(p * math.log(p) for p in row) for row in rows) / len(rows)
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    of_mean = -sum(p * math.log(p) for p in mean)
    assert criteria.entropy(prob) == pytest.approx(mean_entropy / math.log(4), abs=1e-9)
    assert criteria.information_maximisation(prob) == pytest.approx((of_mean - mean_entropy) / math.log(4), abs=1e-9)


def test_agreement_is_the_mean_iou_over_the_classes_that_occur():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 3, 400), rng.integers(0, 3, 400)
    ious = [((first == c) & (second == c)).sum() / ((first == c) | (second == c)).sum() for c in range(3)]
    # A fourth class that neither predicts does not count.
    counts = criteria.confusion(torch.tensor(first), torch.tensor(second), 4)
    assert counts[1, 2] == ((first == 1) & (second == 2)).sum()
    assert criteria.agreement(counts).item() == pytest.approx(np.mean(ious))
    assert criteria.agreement(criteria.confusion(torch.tensor(first), torch.tensor(first), 4)).item() == 1
    both = torch.stack([counts, torch.eye(4).double()])
    assert criteria.agreement(both).tolist() == [criteria.agreement(counts).item(), 1.0]


def test_hopkins_tells_clusters_from_a_uniform_cloud():
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(1000, 2, generator=generator)
    centres = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    clusters = centres.repeat(300, 1) + 0.01 * torch.randn(900, 2, generator=generator)
    assert criteria.hopkins(uniform) == pytest.approx(0.5, abs=0.1)
    assert criteria.hopkins(clusters) > 0.95


def test_transfer_score_by_hand():
    prob, features = probabilities(60, 3), probabilities(60, 5, seed=1)
    weights = torch.tensor([[1.0, 0.0, 0, 0, 0], [1.0, 1.0, 0, 0, 0], [0.0, 0.0, 2.0, 0, 0]])
    cosines = [1 / math.sqrt(2), 0.0, 0.0]
    uniformity = sum(abs(cosine + 0.5) for cosine in cosines) / 3
    expected = -uniformity + criteria.hopkins(features, 4) + criteria.information_maximisation(prob)
    assert criteria.transfer_score(prob, features, weights, seed=4) == pytest.approx(expected, abs=1e-9)
    # Three directions of 120 degrees are as even as possible.
    even = torch.tensor([[math.cos(a), math.sin(a)] for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)])
    best = criteria.hopkins(features) + criteria.information_maximisation(prob)
    assert criteria.transfer_score(prob, features, even) == pytest.approx(best, abs=1e-6)
    assert math.isnan(criteria.transfer_score(prob, features[:19], weights))


def test_importance_weights_find_the_density_ratio():
    # Normal densities with means 0 and 1: the ratio is exp(x - 0.5).
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(4000, 1, generator=generator)
    target = 1 + torch.randn(2000, 1, generator=generator)
    weights = criteria.importance_weights(source, target, limit=1e9)
    expected = (source[:, 0] - 0.5).exp().double()
    middle = source[:, 0].abs() < 1
    assert (weights[middle] / expected[middle] - 1).abs().max() < 0.15
    assert criteria.importance_weights(source, target, limit=1.5).max() == 1.5
    correct = source[:, 0] > 0
    assert criteria.weighted_accuracy(correct, weights) == pytest.approx(0.841, abs=0.02)  # P(x > 0) in the target


def test_divergence_is_zero_for_equal_shares_and_grows_as_a_class_is_lost():
    shares = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    assert criteria.divergence(shares, shares) == pytest.approx(0, abs=1e-9)
    lost = torch.tensor([0.6, 0.39, 0.01], dtype=torch.float64)
    expected = 0.5 * math.log(0.5 / 0.6) + 0.3 * math.log(0.3 / 0.39) + 0.2 * math.log(0.2 / 0.01)
    assert criteria.divergence(shares, lost) == pytest.approx(expected, abs=1e-9)
