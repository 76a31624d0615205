"""Pixels without data take no part in losses and statistics that act pixel by pixel."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmuda.models.masked_batch_norm import only_valid
from mmuda.models.terms.category import class_means
from mmuda.models.wrappers.forward_context import ForwardContext
from mmuda.registry import MODELS, TERMS

SHAPE = 6, 8
TOLERANCE = dict(rtol=1e-9, atol=1e-9)


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def missing_pixels():
    missing = torch.zeros(2, *SHAPE, dtype=torch.bool)
    missing[0, :2] = missing[0, 4, 3:] = True
    return missing


def sample_of(missing):
    sample = SegDataSample()
    if missing.any():
        sample.set_data(dict(no_data=PixelData(data=missing[None])))
    return sample


class Taps:
    """Given taps; the samples of the target hold no data at ``missing_pixels``."""

    def __init__(self, **taps):
        self.taps = {name.replace('__', ':'): tap for name, tap in taps.items()}
        streams = dict(
            source=dict(data_samples=[SegDataSample(), SegDataSample()]),
            target=dict(data_samples=[sample_of(one) for one in missing_pixels()]),
        )
        self.validity = ForwardContext(SimpleNamespace(views={}), streams, {}).validity

    @property
    def iteration(self):
        return MessageHub.get_current_instance().get_info('iter', 0)

    def tap(self, address):
        return self.taps[address]


@pytest.mark.parametrize(
    ('loss', 'pixel'),
    [
        ('EntropyLoss', lambda p: -(p * p.log()).sum(0) / torch.tensor(3.0, dtype=torch.float64).log()),
        ('MaxSquareLoss', lambda p: -p.square().mean(0) / 2),
    ],
)
def test_certainty_is_that_of_pixels_with_data(loss, pixel):
    logits = draw(2, 3, *SHAPE).requires_grad_()
    term = TERMS.build(dict(type='TapLoss', tap='target:prob', loss=dict(type=loss)))
    value = term.losses('segmentor', Taps(target__prob=logits.softmax(1)))['loss']
    valid = ~missing_pixels()
    expected = torch.stack([pixel(p) for p in logits.softmax(1).movedim(1, -1)[valid]]).mean()
    torch.testing.assert_close(value, expected, **TOLERANCE)
    (gradient,) = torch.autograd.grad(value, logits)
    assert not gradient.movedim(1, -1)[~valid].any() and gradient.movedim(1, -1)[valid].any()


def test_a_batch_without_any_data_is_no_error():
    term = TERMS.build(dict(type='TapLoss', tap='target:prob', loss=dict(type='EntropyLoss')))
    context = Taps(target__prob=draw(2, 3, *SHAPE).softmax(1))
    context.validity = lambda view, like: torch.zeros(2, 1, *SHAPE)
    assert term.losses('segmentor', context)['loss'] == 0


@pytest.mark.parametrize('phase', ['segmentor', 'discriminator', 'reversal'])
def test_a_discriminator_judges_where_there_is_data(phase):
    term = TERMS.build(
        dict(
            type='AdversarialAlignment',
            source='source:prob',
            target='target:prob',
            discriminator=dict(type='FCDiscriminator', in_channels=1, base_channels=2),
            loss=dict(type='GANLoss', gan_type='lsgan'),
        )
    )
    term.discriminator = nn.Conv2d(1, 1, 1).double()
    source, target = (draw(2, 1, *SHAPE, seed=seed).requires_grad_() for seed in (1, 2))
    losses = term.losses(phase, Taps(source__prob=source, target__prob=target))
    judged, valid = term.discriminator(target), (~missing_pixels())[:, None]
    if phase == 'segmentor':
        expected = (judged.square() * valid).mean()
        value = losses['loss_adversarial']
    else:
        expected = (term.discriminator(source).square().mean() + ((judged - 1).square() * valid).mean()) / 2
        value = losses['loss_discriminator']
    torch.testing.assert_close(value, expected, **TOLERANCE)
    if phase != 'discriminator':
        (gradient,) = torch.autograd.grad(value, target)
        assert not gradient[~valid].any() and gradient[valid].all()


def test_class_vectors_and_instances_are_of_pixels_with_data():
    MessageHub.get_current_instance().update_info('iter', 10)
    prob, features = (3 * draw(2, 3, *SHAPE)).softmax(1), draw(2, 4, *SHAPE, seed=3).requires_grad_()
    label = torch.randint(0, 3, (2, *SHAPE), generator=torch.Generator().manual_seed(4))
    context = Taps(source__prob=prob.flip(0), target__prob=prob, source__label=label)
    context.taps |= {'source:features.3': draw(2, 4, *SHAPE, seed=5), 'target:features.3': features}
    term = TERMS.build(dict(type='CategoryAlignment'))
    predicted = torch.where(missing_pixels(), 255, prob.argmax(1))
    _, found, _ = term.class_vectors(context)
    torch.testing.assert_close(found, class_means(prob, predicted, 3)[0], **TOLERANCE)
    instances = TERMS.build(dict(type='InstanceAlignment', classes=[1, 2], channels=4, warmup=0)).double()
    (gradient,) = torch.autograd.grad(instances.losses('segmentor', context)['loss'], features)
    assert not gradient.movedim(1, -1)[missing_pixels()].any()
    assert gradient.any()


def test_a_view_and_the_teacher_hold_the_data_of_their_stream():
    streams = dict(target=dict(data_samples=[sample_of(one) for one in missing_pixels()]))
    context = ForwardContext(SimpleNamespace(views={}), streams, {})
    weights = context.validity('target@teacher', draw(2, 5, *SHAPE))
    assert torch.equal(weights[:, 0] == 0, missing_pixels())


def test_the_network_sees_the_mean_where_there_is_no_data():
    preprocessor = MODELS.build(
        dict(type='UDADataPreprocessor', streams=dict(target=dict(mean=[30.0] * 3, std=[10.0] * 3)))
    )
    images = [torch.full((3, *SHAPE), 200, dtype=torch.uint8) for _ in range(2)]
    fine = [torch.full((3, 12, 16), 200, dtype=torch.uint8) for _ in range(2)]
    samples = [sample_of(one) for one in missing_pixels()]
    for sample in samples:
        sample.set_metainfo(dict(domain='target'))
    expected = torch.where(missing_pixels()[:, None], 0.0, 17.0).expand(2, 3, *SHAPE)
    batch = preprocessor(dict(target=dict(inputs=images, fine_image=fine, data_samples=samples)), training=True)
    torch.testing.assert_close(batch['target']['inputs'], expected)
    larger = expected.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(batch['target']['fine_image'], larger)
    torch.testing.assert_close(preprocessor(dict(inputs=images, data_samples=samples))['inputs'], expected)


def test_re_estimated_statistics_are_those_of_pixels_with_data():
    layer = nn.BatchNorm2d(3, momentum=None).double()
    with torch.no_grad():
        layer.weight.copy_(draw(3, seed=7))
    layer.reset_running_stats()
    valid, means, variances = ~missing_pixels(), [], []
    for seed in range(3):
        values = draw(2, 3, *SHAPE, seed=seed) + seed
        of_valid = values.movedim(1, -1)[valid]
        with only_valid([layer], valid[:, None].double()), torch.no_grad():
            found = layer(values)
        means.append(of_valid.mean(0))
        variances.append(of_valid.var(0, unbiased=True))
        usual = nn.functional.batch_norm(of_valid, None, None, layer.weight, layer.bias, training=True)
        torch.testing.assert_close(found.movedim(1, -1)[valid], usual.detach(), **TOLERANCE)
        assert layer.training
    torch.testing.assert_close(layer.running_mean, sum(means) / 3, **TOLERANCE)
    torch.testing.assert_close(layer.running_var, sum(variances) / 3, **TOLERANCE)


def test_without_pixels_to_leave_out_batch_norm_is_torchs():
    ours, theirs = (nn.BatchNorm2d(3, momentum=None) for _ in range(2))
    values = draw(2, 3, *SHAPE).float()
    with only_valid([ours], None):
        assert torch.equal(ours(values), theirs(values))
    assert torch.equal(ours.running_var, theirs.running_var)
