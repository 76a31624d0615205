"""Each part of the plugin, against its formula."""

import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub

from mmuda.models.wrappers import DomainAdaptation
from mmuda.testing import Taps, check_term

# By its location, so that a copy of the project tests itself.
package = import_module('.'.join([*Path(__file__).resolve().parts[-4:-2], 'proportion_alignment']))
K = 3


def loss_by_hand(predicted, expected, tolerance):
    total = 0.0
    for q, p in zip(predicted.tolist(), expected.tolist(), strict=True):
        total += p * max(0.0, abs(math.log(q / p)) - math.log(tolerance))
    return total


@pytest.mark.parametrize('tolerance', [1.0, 1.3, 2.0])
def test_proportion_loss_is_its_formula(tolerance):
    generator = torch.Generator().manual_seed(0)
    predicted, expected = torch.rand(2, 6, dtype=torch.float64, generator=generator).softmax(dim=1)
    predicted[0] /= 20  # far outside the band
    predicted.requires_grad_(True)
    loss = package.ProportionLoss(tolerance)(predicted, expected)
    assert loss.item() == pytest.approx(loss_by_hand(predicted, expected, tolerance), abs=1e-12)
    loss.backward()
    assert predicted.grad[0] < 0  # the loss demands the missing class


def test_proportion_loss_survives_a_class_that_is_never_predicted():
    loss = package.ProportionLoss()(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]))
    assert torch.isfinite(loss) and loss > 1


def test_proportion_loss_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match='tolerance=0.5; give a factor of at least 1'):
        package.ProportionLoss(0.5)
    with pytest.raises(ValueError, match=r'\(2,\) predicted and \(3,\) expected'):
        package.ProportionLoss()(torch.rand(2), torch.rand(3))


def test_the_discriminator_keeps_the_grid():
    network = package.DilatedDiscriminator(K, base_channels=4)
    for size in ((1, 1), (12, 12), (7, 30)):
        assert network(torch.rand(2, K, *size)).shape == (2, 1, *size)
    reach = torch.zeros(1, K, 41, 41).index_fill_(3, torch.tensor(20), 1.0)
    changed = (network(reach) - network(torch.zeros_like(reach)))[0, 0, 20].abs() > 1e-7
    assert changed.nonzero().flatten().tolist() == list(range(12, 29))  # 17 pixels
    with pytest.raises(ValueError, match='set its in_channels'):
        network(torch.rand(2, K + 1, 8, 8))


def alignment(**kwargs):
    torch.manual_seed(0)
    return package.ProportionAlignment(
        num_classes=K,
        proportion_loss=dict(type='ProportionLoss', tolerance=1.2),
        proportion_weight=0.5,
        discriminator=dict(type='DilatedDiscriminator', in_channels=K, base_channels=4),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        loss_weight=0.25,
        **kwargs,
    ).double()


def test_alignment_is_its_formula():
    term = alignment(momentum=0.9)
    prob = (3 * torch.randn(2, K, 5, 6, dtype=torch.float64)).softmax(dim=1).requires_grad_(True)
    labels = torch.randint(0, K - 1, (2, 2, 9, 9))  # the last class is never there
    labels[:, 0, :2] = 255
    for label in labels:
        losses = term.losses('segmentor', Taps({'target:prob': prob, 'source:label': label}))

    entropy = -(prob * prob.log()).sum(dim=1, keepdim=True).detach() / math.log(K)
    # Target is driven to label 0, the source's.
    judged = F.softplus(term.discriminator(prob))
    assert losses['loss_adversarial'].item() == pytest.approx(0.25 * (entropy * judged).mean().item(), abs=1e-12)
    assert losses['uncertainty'].item() == pytest.approx(entropy.mean().item(), abs=1e-12)

    counts = [[int((label == k).sum()) for k in range(K)] for label in labels]
    pixels = [1 + 0.9 * first + second for first, second in zip(*counts, strict=True)]
    expected = torch.tensor(pixels, dtype=torch.float64) / sum(pixels)
    by_hand = 0.5 * loss_by_hand(prob.mean(dim=(0, 2, 3)), expected, 1.2)
    assert by_hand > 0
    assert losses['loss_proportion'].item() == pytest.approx(by_hand, abs=1e-12)

    # The weights are constants: the gradient is that of the weighted sum with the entropy held.
    (gradient,) = torch.autograd.grad(losses['loss_adversarial'], prob)
    (expected_gradient,) = torch.autograd.grad(0.25 * (entropy * judged).mean(), prob)
    assert torch.allclose(gradient, expected_gradient, atol=1e-15)


def test_alignment_says_what_it_reads_and_keeps_its_state():
    term = alignment(source='city:prob')
    assert term.reads('segmentor') == {'city:label', 'target:prob'}
    assert term.reads('discriminator') == {'city:prob', 'target:prob'}
    assert 'pixels' in term.state_dict()
    before = term.pixels.clone()
    prob = torch.rand(1, K, 4, 4, dtype=torch.float64)
    losses = term.losses('discriminator', Taps({'target:prob': prob, 'city:prob': prob}))
    assert 'loss_proportion' not in losses and torch.equal(term.pixels, before)
    with pytest.raises(ValueError, match=r'must lie in \[0, 1\)'):
        alignment(momentum=1.0)


def test_alignment_keeps_the_rules_of_all_terms():
    cfg = dict(
        type='ProportionAlignment',
        num_classes=K,
        proportion_loss=dict(type='ProportionLoss'),
        discriminator=dict(type='DilatedDiscriminator', in_channels=K, base_channels=4),
        loss=dict(type='GANLoss', gan_type='vanilla'),
    )
    check_term(cfg)


def test_illumination_is_its_formula_and_follows_the_seed():
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    label = np.arange(20).reshape(5, 4)
    transform = package.RandomIllumination(gamma=1.8, gain=0.3)
    np.random.seed(7)
    found = transform(dict(img=image, fine_image=image.astype(np.float32), gt_seg_map=label))
    np.random.seed(7)
    exponent = math.exp(np.random.uniform(-1, 1) * math.log(1.8))
    gains = [0.7 + 0.6 * np.random.uniform() for _ in range(3)]
    for (row, col, band), value in np.ndenumerate(image):
        by_hand = min(255.0, 255 * gains[band] * (value / 255) ** exponent)
        assert found['fine_image'][row, col, band] == pytest.approx(by_hand, abs=1e-4)
        assert found['img'][row, col, band] == round(by_hand)
    assert found['img'].dtype == np.uint8 and found['gt_seg_map'] is label
    unchanged = package.RandomIllumination(gamma=1, gain=0)(dict(img=image))['img']
    assert np.array_equal(unchanged, image)


def test_illumination_refuses_what_is_out_of_range():
    with pytest.raises(ValueError, match='gamma=0.5'):
        package.RandomIllumination(gamma=0.5)
    with pytest.raises(ValueError, match='gain=1'):
        package.RandomIllumination(gain=1)


def test_the_wrapper_ramps_generator_losses_only(monkeypatch):
    parts = {
        'proportion.segmentor': {'proportion.loss_adversarial': torch.tensor(4.0), 'proportion.x': torch.tensor(1.0)},
        'proportion.discriminator': {'proportion.loss_discriminator': torch.tensor(4.0)},
        'supervised.segmentor': {'supervised.decode.loss_ce': torch.tensor(4.0)},
    }
    monkeypatch.setattr(DomainAdaptation, 'compute_losses', lambda self, name, context: dict(parts[name]))
    wrapper = package.RampedAdaptation.__new__(package.RampedAdaptation)
    wrapper.ramp_terms, wrapper.ramp_iters = ('proportion',), 8
    hub = MessageHub.get_instance('test_ramp')
    monkeypatch.setattr(MessageHub, 'get_current_instance', lambda: hub)
    for iteration, progress in ((0, 0.0), (2, 0.25), (8, 1.0), (20, 1.0)):
        hub.update_info('iter', iteration)
        factor = 2 / (1 + math.exp(-10 * progress)) - 1
        losses = wrapper.compute_losses('proportion.segmentor', None)
        assert losses['proportion.loss_adversarial'].item() == pytest.approx(4 * factor)
        assert losses['proportion.ramp'].item() == pytest.approx(factor)
        assert losses['proportion.x'] == 1
        for name in ('proportion.discriminator', 'supervised.segmentor'):
            assert wrapper.compute_losses(name, None) == parts[name]
