"""Losses on taps that are resized and activated before: MinEnt and MaxSquare as their equations have them."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmuda.registry import TERMS
from mmuda.testing import Taps
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
TOLERANCE = dict(rtol=1e-12, atol=1e-12)


def random(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, dtype=torch.float64, generator=generator)).requires_grad_()


def probabilities(logits, size):
    """Softmax of logits resized to a size, corner pixels on corner pixels, from the definition of the interpolation."""

    def matrix(new, old):
        position = torch.arange(new, dtype=torch.float64) * (old - 1) / (new - 1)
        low = position.floor().clamp(max=old - 2).long()
        rows = torch.zeros(new, old, dtype=torch.float64)
        rows[torch.arange(new), low] = 1 - (position - low)
        rows[torch.arange(new), low + 1] = position - low
        return rows

    height, width = (matrix(new, old) for new, old in zip(size, logits.shape[-2:], strict=True))
    exponents = torch.einsum('ih,jw,nkhw->nkij', height, width, logits).exp()
    return exponents / exponents.sum(dim=1, keepdim=True)


def entropy(prob):
    return -(prob * torch.log(prob)).sum(dim=1).mean() / math.log(prob.shape[1])


def max_square(prob):
    return -(prob**2).sum() / prob.numel() / 2


CASES = {
    'minent/minent_deeplabv2-r101_gta2cityscapes': dict(
        entropy=('logits', 0.001, entropy), entropy_aux=('aux.0.logits', 0.0002, entropy)
    ),
    'minent/minent_deeplabv3plus-effl0_synthetic': dict(entropy=('logits', 0.01, entropy)),
    'maxsquare/maxsquare_deeplabv2-r101_gta2cityscapes': dict(max_square=('logits', 0.1, max_square)),
    'mixtures/reinhard_isia_maxsquare_deeplabv3plus-effl0_synthetic': dict(max_square=('logits', 0.1, max_square)),
    'mixtures/reinhard_isia_maxsquare_deeplabv3plus-effl0_nairobi2kampala': dict(
        max_square=('logits', 0.1, max_square)
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_the_methods_without_discriminator_act_on_logits_resized_to_the_image(name):
    terms = Config.fromfile(CONFIGS / f'{name}.py').model.terms
    taps = {'target:image': torch.zeros(2, 3, 33, 41)}
    for key, (tap, weight, formula) in CASES[name].items():
        term = TERMS.build(terms[key])
        logits = taps[f'target:{tap}'] = random(2, 5, 5, 6, seed=len(key), scale=3.0)
        assert term.reads('segmentor') == {f'target:{tap}'}
        loss = term.losses('segmentor', Taps(taps))['loss']
        expected = weight * formula(probabilities(logits, (33, 41)))
        torch.testing.assert_close(loss, expected, **TOLERANCE)
        ours, theirs = (torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (loss, expected))
        torch.testing.assert_close(ours, theirs, **TOLERANCE)
        # What it makes a difference of: the same on the segmentor's own grid.
        own = weight * formula(logits.softmax(dim=1))
        assert abs(own / expected - 1) > 0.02


def test_a_reference_is_read_as_the_tap_is():
    cfg = dict(type='TapLoss', tap='a:logits', reference='b:logits', resize_to=(9, 7), activation='softmax',
               loss=dict(type='PixelMSELoss'), loss_weight=2.0)  # fmt: skip
    taps = {'a:logits': random(1, 3, 4, 4, seed=1), 'b:logits': random(1, 3, 5, 3, seed=2)}
    term = TERMS.build(cfg)
    assert term.reads('segmentor') == set(taps)
    large = (F.interpolate(x, size=(9, 7), mode='bilinear', align_corners=True) for x in taps.values())
    first, second = (x.softmax(dim=1) for x in large)
    torch.testing.assert_close(
        term.losses('segmentor', Taps(taps))['loss'], 2.0 * ((first - second) ** 2).mean(), **TOLERANCE
    )


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(resize_to='label'), r"resize_to='label' is not known; give 'image', \(height, width\) in pixels or None"),
        (dict(resize_to=(0, 4)), r'resize_to=\(0, 4\) is not known'),
        (dict(activation='sigmoid'), "activation='sigmoid' is not known; give one of"),
    ],
)
def test_what_cannot_be_read_is_refused(options, message):
    for cfg in (
        dict(type='TapLoss', tap='a:logits', loss=dict(type='EntropyLoss')),
        dict(type='AdversarialAlignment', source='source:logits', target='target:logits',
             discriminator=dict(type='FCDiscriminator', in_channels=3),
             loss=dict(type='GANLoss')),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            TERMS.build({**cfg, **options})
