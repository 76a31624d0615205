"""Plain entropy and diversity against their equations, pixel by pixel."""

import math

import pytest
import torch

from mmuda.models.losses import DiversityLoss, EntropyLoss
from mmuda.models.terms import TapLoss
from mmuda.registry import MODELS
from mmuda.testing import Taps

PROB = (3 * torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).softmax(1)


def pixels(prob):
    return [[float(p) for p in pixel] for image in prob for pixel in image.flatten(1).T]


def test_the_plain_entropy_is_in_nats():
    every = pixels(PROB)
    by_hand = -sum(p * math.log(p) for pixel in every for p in pixel) / len(every)
    assert MODELS.build(dict(type='EntropyLoss', normalised=False))(PROB).item() == pytest.approx(by_hand, abs=1e-12)
    assert EntropyLoss()(PROB).item() == pytest.approx(by_hand / math.log(4), abs=1e-12)


def test_diversity_is_the_divergence_of_the_mean_prediction_from_equal_shares():
    every = pixels(PROB)
    mean = [sum(pixel[k] for pixel in every) / len(every) for k in range(4)]
    by_hand = sum(p * math.log(p / 0.25) for p in mean)
    assert DiversityLoss()(PROB).item() == pytest.approx(by_hand, abs=1e-12) and by_hand > 0


def test_the_ends_of_diversity():
    sure = torch.eye(4, dtype=torch.float64)[:, :, None, None]  # four surely predicted pixels, one of each class
    assert DiversityLoss()(sure).item() == pytest.approx(0, abs=1e-12)
    assert DiversityLoss()(sure[:1].expand(3, 4, 2, 2)).item() == pytest.approx(math.log(4), abs=1e-12)


def test_one_class_pushes_towards_the_others():
    logits = torch.tensor([[3.0, 0, 0]]).view(1, 3, 1, 1).repeat(1, 1, 2, 2).requires_grad_()
    DiversityLoss()(logits.softmax(1)).backward()
    assert (logits.grad[:, 0] > 0).all() and (logits.grad[:, 1:] < 0).all()


def test_pixels_without_data_count_in_no_mean():
    class Gaps(Taps):
        def validity(self, view, like):
            valid = torch.ones(2, 1, 3, 5, dtype=torch.float64)
            valid[0, :, 0], valid[1, :, :, 2:] = 0, 0
            return valid

    valid = Gaps({}).validity('', None)[:, 0]
    every = [pixel for image, keep in zip(PROB, valid, strict=True) for pixel in image[:, keep > 0].T.tolist()]
    mean = [sum(pixel[k] for pixel in every) / len(every) for k in range(4)]
    by_hand = sum(p * math.log(p / 0.25) for p in mean)
    term = TapLoss(tap='target:prob', loss=dict(type='DiversityLoss'), loss_weight=0.5)
    assert term.losses('segmentor', Gaps({'target:prob': PROB}))['loss'].item() == pytest.approx(by_hand / 2, abs=1e-12)
