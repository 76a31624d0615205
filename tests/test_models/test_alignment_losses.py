"""Losses and terms of the alignment family against their equations, written out in plain loops, in float64."""

import math

import pytest
import torch

from mmuda.registry import MODELS, TERMS
from mmuda.testing import Taps

TOLERANCE = dict(rtol=1e-9, atol=1e-9)


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def gradients_agree(ours, theirs, *inputs):
    """Values and gradients of two scalars of the same inputs."""
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    for a, b in zip(*(torch.autograd.grad(value, inputs, retain_graph=True) for value in (ours, theirs)), strict=True):
        torch.testing.assert_close(a, b, **TOLERANCE)


@pytest.mark.parametrize('classes', [2, 5])
def test_entropy_is_that_of_each_pixel(classes):
    logits = random(2, classes, 3, 4)
    prob = logits.softmax(1)
    total = 0
    for n in range(2):
        for y in range(3):
            for x in range(4):
                total = total - sum(p * torch.log(p + 1e-30) for p in prob[n, :, y, x]) / math.log(classes)
    gradients_agree(MODELS.build(dict(type='EntropyLoss'))(prob), total / 24, logits)


def test_entropy_of_certain_and_of_even_predictions():
    loss = MODELS.build(dict(type='EntropyLoss'))
    certain = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).requires_grad_()
    value = loss(certain)
    value.backward()
    assert value.item() == 0 and certain.grad.isfinite().all()
    assert loss(torch.full((1, 3, 2, 2), 1 / 3)).item() == pytest.approx(1.0)
    with pytest.raises(ValueError, match='at least two classes'):
        loss(torch.ones(1, 1, 2, 2))


def test_max_square():
    logits = random(2, 3, 4, 4)
    prob = logits.softmax(1)
    by_hand = -sum(p**2 for p in prob.flatten()) / (2 * prob.numel())
    gradients_agree(MODELS.build(dict(type='MaxSquareLoss'))(prob), by_hand, logits)


def test_mmd_is_the_mean_of_kernels_over_all_pairs():
    source, target = random(2, 3, 2, 1, seed=1), random(1, 3, 2, 3, seed=2)
    factors = (0.5, 2.0)
    x = [source[n, :, i, j] for n in range(2) for i in range(2) for j in range(1)]
    y = [target[0, :, i, j] for i in range(2) for j in range(3)]
    both = [v.detach() for v in x + y]
    squares = [((a - b) ** 2).sum() for i, a in enumerate(both) for j, b in enumerate(both) if i != j]
    bandwidth = sum(squares) / len(squares)

    def kernel(a, b):
        return sum(torch.exp(-((a - b) ** 2).sum() / (f * bandwidth)) for f in factors) / 2

    def mean(first, second):
        return sum(kernel(a, b) for a in first for b in second) / (len(first) * len(second))

    loss = MODELS.build(dict(type='MMDLoss', factors=factors, max_vectors=None))
    gradients_agree(loss(source, target), mean(x, x) + mean(y, y) - 2 * mean(x, y), source, target)


def test_mmd_tells_two_distributions_apart_and_takes_samples():
    loss = MODELS.build(dict(type='MMDLoss', max_vectors=200))
    torch.manual_seed(0)
    same, other = torch.randn(1, 4, 40, 40), torch.randn(1, 4, 30, 30)
    assert loss(same, other) < 0.02 < loss(same, other + 1)
    with pytest.raises(ValueError, match='4 and 3 channels; read the same tap'):
        loss(same, other[:, :3])
    with pytest.raises(ValueError, match='give at least one, all above 0'):
        MODELS.build(dict(type='MMDLoss', factors=()))


def pfr_by_hand(source, target, normalize):
    """Equations (2), (3) of PFR for one stage, averaged over the batch."""
    batch, channels, height, width = source.shape
    style, content = 0, 0
    for n in range(batch):
        for i in range(channels):
            for j in range(channels):
                grams = [(f[n, i] * f[n, j]).sum() / (channels * height * width if normalize else 1)
                         for f in (source, target)]  # fmt: skip
                style = style + (grams[0] - grams[1]) ** 2
        squares = ((source[n] - target[n]) ** 2).sum()
        content = content + (squares / (channels * height * width) if normalize else squares)
    return style / batch, content / batch


def addresses(*stages):
    return {domain: [f'{domain}:features.{i}' for i in stages] for domain in ('source', 'target')}


@pytest.mark.parametrize('normalize', [True, False])
@pytest.mark.parametrize('detach_target', [True, False])
def test_style_and_content_of_several_stages(normalize, detach_target):
    features = {f'{d}:features.{i}': random(2, 3 + i, 4, 3, seed=10 * i + len(d)) for d in ('source', 'target')
                for i in (1, 3)}  # fmt: skip
    term = TERMS.build(
        dict(type='StyleContentAlignment', **addresses(1, 3), style_weight=2.0, content_weight=0.5, loss_weight=0.1,
             normalize=normalize, detach_target=detach_target)
    )  # fmt: skip
    assert term.reads('segmentor') == set(features)
    losses = term.losses('segmentor', Taps(features))
    parts = [pfr_by_hand(features[f'source:features.{i}'], features[f'target:features.{i}'], normalize) for i in (1, 3)]
    sources, targets = ([features[f'{d}:features.{i}'] for i in (1, 3)] for d in ('source', 'target'))
    inputs = sources if detach_target else sources + targets
    gradients_agree(losses['loss_style'], 0.1 * 2.0 * sum(style for style, _ in parts), *inputs)
    gradients_agree(losses['loss_content'], 0.1 * 0.5 * sum(content for _, content in parts), *inputs)
    moved = torch.autograd.grad(sum(losses.values()), targets, allow_unused=True)
    assert all((gradient is None) == detach_target for gradient in moved)


def test_style_without_content_takes_maps_of_any_size_and_content_does_not():
    features = {'source:features.0': random(1, 3, 4, 4), 'target:features.0': random(1, 3, 5, 6)}
    term = TERMS.build(dict(type='StyleContentAlignment', **addresses(0), content_weight=0.0))
    assert set(term.losses('segmentor', Taps(features))) == {'loss_style'}
    term = TERMS.build(dict(type='StyleContentAlignment', **addresses(0)))
    with pytest.raises(ValueError, match=r'crop both domains to one size in pixels .* or set content_weight=0'):
        term.losses('segmentor', Taps(features))
    with pytest.raises(ValueError, match='as many target features as source features'):
        TERMS.build(dict(type='StyleContentAlignment', source=['source:features.0'], target=[]))
    with pytest.raises(ValueError, match='are both 0'):
        TERMS.build(dict(type='StyleContentAlignment', style_weight=0, content_weight=0))


@pytest.mark.parametrize('activation', ['softmax', 'entropy'])
def test_the_discriminator_reads_resized_logits(activation):
    term = TERMS.build(
        dict(type='AdversarialAlignment', source='source:logits', target='target:logits', resize_to='image',
             activation=activation,
             discriminator=dict(type='FCDiscriminator', in_channels=3, base_channels=2),
             loss=dict(type='GANLoss', gan_type='vanilla'))
    )  # fmt: skip
    seen = []

    class Seeing(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.mean(dim=1, keepdim=True)

    term.discriminator = Seeing()
    logits = random(1, 3, 4, 4)
    taps = {'target:logits': logits, 'target:image': torch.zeros(1, 3, 7, 7)}
    assert term.reads('segmentor') == {'target:logits'}
    ours = term.losses('segmentor', Taps(taps))['loss_adversarial']
    large = torch.nn.functional.interpolate(logits, size=(7, 7), mode='bilinear', align_corners=True)
    prob = torch.exp(large) / torch.exp(large).sum(dim=1, keepdim=True)
    expected = prob if activation == 'softmax' else -prob * torch.log(prob + 1e-30) / math.log(3)
    torch.testing.assert_close(seen[0], expected, **TOLERANCE)
    gradients_agree(ours, -torch.log(1 - torch.sigmoid(expected.mean(dim=1))).mean(), logits)
    with pytest.raises(ValueError, match="activation='sigmoid' is not known"):
        TERMS.build(
            dict(
                type='AdversarialAlignment',
                source='source:logits',
                target='target:logits',
                activation='sigmoid',
                discriminator={},
                loss={},
            )
        )
