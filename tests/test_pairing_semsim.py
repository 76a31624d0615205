"""SemSim and SemSim* against a plain double loop, and the best match in blocks against all at once."""

import numpy as np
import pytest
import torch

from mmuda.pairing import Matches, semantic_similarity

CLASSES = 4


def labels(count, positions, seed, ignored=0.2):
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, CLASSES, (count, positions))
    drawn[rng.random((count, positions)) < ignored] = 255
    return drawn.astype(np.uint8)


def double_loop(source, target):
    scores = np.full((len(source), len(target)), np.nan)
    for i, ours in enumerate(source):
        for j, theirs in enumerate(target):
            equal, compared = 0.0, 0
            for k in range(source.shape[1]):
                if ours[k] == 255:
                    continue
                if target.ndim == 3:
                    equal += float(theirs[ours[k], k])
                    compared += 1
                elif theirs[k] != 255:
                    equal += ours[k] == theirs[k]
                    compared += 1
            if compared:
                scores[i, j] = equal / compared
    return scores


# 37 positions and 64 a chunk; 300 positions in several chunks, the last one smaller.
@pytest.mark.parametrize(('positions', 'memory'), [(37, 1 << 30), (300, 1)])
def test_semsim_equals_a_double_loop(positions, memory):
    source, target = labels(7, positions, 0), labels(5, positions, 1)
    source[3] = 255  # nothing to compare
    found = semantic_similarity(torch.from_numpy(source), torch.from_numpy(target), CLASSES, memory)
    expected = double_loop(source, target)
    assert np.isnan(found[3]).all()
    np.testing.assert_array_equal(found, expected)  # counts are exact


@pytest.mark.parametrize(('positions', 'memory'), [(37, 1 << 30), (300, 1)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_semsim_of_predictions_equals_a_double_loop(positions, memory, dtype):
    source = labels(6, positions, 2)
    logits = torch.randn(5, CLASSES, positions, generator=torch.Generator().manual_seed(0)) * 2
    target = logits.softmax(dim=1).to(dtype)
    found = semantic_similarity(torch.from_numpy(source), target, CLASSES, memory)
    np.testing.assert_allclose(found, double_loop(source, target.double().numpy()), rtol=0, atol=1e-6)


@pytest.mark.parametrize('block', [1, 3, 4, 11])
def test_the_best_match_in_blocks_is_the_first_best_of_all(block):
    source, target = labels(20, 6, 3, ignored=0.5), labels(11, 6, 4)
    target[7] = target[2]  # ties
    target[10] = target[2]
    source[5] = 255
    scores = double_loop(source, target)
    matches = Matches.none_yet(20)
    for start in range(0, 11, block):
        matches.update(scores[:, start : start + block], start)
    for i in range(20):
        if np.isnan(scores[i]).all():
            assert matches.index[i] == -1 and np.isnan(matches.score[i])
        else:
            assert matches.index[i] == np.nanargmax(scores[i])  # the first of equal ones
            assert matches.score[i] == np.nanmax(scores[i])
    assert (matches.index == 2).any() and not np.isin(matches.index, (7, 10)).any()


def test_sizes_that_do_not_fit_are_told():
    source = torch.zeros(2, 9, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r'\(2, 9\) and target \(3, 8\) do not fit 4 classes'):
        semantic_similarity(source, torch.zeros(3, 8, dtype=torch.uint8), CLASSES)
    with pytest.raises(ValueError, match=r'\(3, 5, 9\) do not fit 4 classes'):
        semantic_similarity(source, torch.zeros(3, 5, 9), CLASSES)
