"""Colour jitter, grey and blur, compared with plain arithmetic on single pixels and with scipy."""

import colorsys
import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from mmuda.models.data_preprocessor import UDADataPreprocessor
from mmuda.models.views import colour
from mmuda.registry import VIEWS
from mmuda.utils.errors import UserError
from tests.helpers.views import batch_of, build, maps

NEUTRAL = dict(brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0, blur_probability=0.0)
LUMA = (0.299, 0.587, 0.114)
STATISTICS = dict(
    mean=(120.0, 100.0, 90.0),
    std=(60.0, 50.0, 40.0),
    streams=dict(source=dict(mean=(80.0, 90.0, 70.0), std=(30.0, 20.0, 40.0))),
)


def unit_image(*shape, seed=0):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def normalised(unit, mean=STATISTICS['mean'], std=STATISTICS['std']):
    """Images in [0, 1], as the network gets them."""
    mean, std = (torch.tensor(one, dtype=torch.float64)[:, None, None] for one in (mean, std))
    return (255 * unit - mean) / std


def clamp(values):
    return tuple(min(max(value, 0.0), 1.0) for value in values)


# What kornia 0.5.8 did, the version of DAFormer's requirements, pixel by pixel.
DACS = (
    lambda rgb, factor, mean: clamp(value + factor - 1 for value in rgb),
    lambda rgb, factor, mean: clamp(value * factor for value in rgb),
    lambda rgb, factor, mean: in_hsv(rgb, lambda h, s, v: (h, min(s * factor, 1.0), v)),
    lambda rgb, turns, mean: in_hsv(rgb, lambda h, s, v: ((h + turns) % 1, s, v)),
)
# What torchvision and Pillow do.
TORCHVISION = (
    lambda rgb, factor, mean: clamp(value * factor for value in rgb),
    lambda rgb, factor, mean: clamp(value * factor + mean * (1 - factor) for value in rgb),
    lambda rgb, factor, mean: clamp(value * factor + luma(rgb) * (1 - factor) for value in rgb),
    DACS[3],
)


def in_hsv(rgb, change):
    return colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*rgb)))


def luma(rgb):
    return sum(weight * value for weight, value in zip(LUMA, rgb, strict=True))


def by_hand(image, factors, order, changes):
    """An image (3, H, W) in [0, 1] after the changes in this order."""
    pixels = [tuple(pixel) for pixel in image.flatten(1).T.tolist()]
    for index in order:
        mean = sum(map(luma, pixels)) / len(pixels)
        pixels = [changes[index](pixel, factors[index], mean) for pixel in pixels]
    return torch.tensor(pixels, dtype=torch.float64).T.view_as(image)


@pytest.mark.parametrize(('style', 'changes'), [('dacs', DACS), ('torchvision', TORCHVISION)])
def test_colours_in_every_order(style, changes):
    image, factors = unit_image(3, 4, 5), (1.17, 0.83, 1.19, -0.13)
    for order in itertools.permutations(range(4)):
        found = colour.jitter(image[None], factors, order, style)[0]
        torch.testing.assert_close(found, by_hand(image, factors, order, changes), rtol=0, atol=1e-6)


def recorded(monkeypatch):
    """What the view asks for: factors, order and style of each jittered image."""
    calls, jitter = [], colour.jitter

    def record(image, factors, order, style):
        calls.append((factors, order))
        return jitter(image, factors, order, style)

    monkeypatch.setattr(colour, 'jitter', record)
    return calls


@pytest.mark.parametrize('domain', ['source', 'target'])
def test_each_image_is_changed_in_pixels_of_its_domain(monkeypatch, domain):
    own = STATISTICS['streams'].get(domain, STATISTICS)
    calls, unit = recorded(monkeypatch), unit_image(3, 3, 4, 5)
    batch = batch_of(domain, normalised(unit, own['mean'], own['std']))
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=1.0, blur_probability=0.0)
    found = build(cfg, preprocessor=UDADataPreprocessor(**STATISTICS), v=batch)['inputs']
    assert len({tuple(factors) for factors, _ in calls}) == 3
    for one, image, call in zip(found, unit, calls, strict=True):
        expected = normalised(by_hand(image, *call, DACS), own['mean'], own['std'])
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-5)


def test_factors_and_orders_are_drawn_evenly(monkeypatch):
    calls = recorded(monkeypatch)
    strengths = dict(brightness=0.2, contrast=0.4, saturation=0.6, hue=0.1)
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=0.8, blur_probability=0.0, **strengths)
    build(cfg, v=batch_of('target', torch.zeros(1000, 3, 1, 1)))
    assert len(calls) == pytest.approx(800, abs=60)  # a standard deviation is 13
    for index, (centre, strength) in enumerate(zip((1, 1, 1, 0), strengths.values(), strict=True)):
        shares = np.array([(factors[index] - centre + strength) / (2 * strength) for factors, _ in calls])
        assert shares.min() >= 0 and shares.max() <= 1
        np.testing.assert_allclose(np.histogram(shares, 4, (0, 1))[0] / len(calls), 0.25, atol=0.07)
    assert len({tuple(order) for _, order in calls}) == 24


def test_a_mixed_image_gets_the_targets_colours():
    """Pixels of the source have the colours that normalisation has matched to the target's."""
    source, target = unit_image(1, 3, 4, 4), unit_image(1, 3, 4, 4, seed=1) / 4 + 0.4
    own = STATISTICS['streams']['source']
    images = normalised(source / 8 + 0.3, own['mean'], own['std'])
    label = torch.tensor([0, 0, 1, 1]).expand(1, 4, 4)
    batches = dict(
        source=batch_of('source', images, label.contiguous()),
        pseudo=batch_of('target', normalised(target), torch.zeros_like(label)),
    )
    preprocessor = UDADataPreprocessor(**STATISTICS)
    mixed = build(dict(type='ClassMix'), preprocessor=preprocessor, **batches)
    pasted = (mixed['inputs'] == images).all(dim=1, keepdim=True)
    assert pasted.sum() == 8
    assert torch.equal(mixed['inputs'], torch.where(pasted, images, batches['pseudo']['inputs']))
    cfg = dict(type='StrongAugmentation', **{**NEUTRAL, 'brightness': 0.1}, jitter_probability=1.0)
    strong = build(cfg, preprocessor=preprocessor, mixed=mixed)['inputs']
    # Brightness adds the same number of the raster's units to pixels of either domain.
    shift = (strong - mixed['inputs']) * torch.tensor(STATISTICS['std'])[:, None, None]
    assert 0 < shift.abs().max() <= 25.5
    torch.testing.assert_close(shift, shift.flatten()[0].expand_as(shift), rtol=0, atol=1e-4)


@pytest.mark.parametrize('sigma', [0.15, 0.7, 1.15])
def test_the_blur_is_a_gaussian(sigma):
    images = torch.randn(2, 3, 20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=0.0, blur_probability=1.0, sigma=(sigma, sigma))
    found = build(cfg, v=batch_of('target', images))['inputs']
    expected = ndimage.gaussian_filter(images.numpy(), sigma, mode='mirror', truncate=9, axes=(2, 3))
    np.testing.assert_allclose(found, expected, atol=1e-3)  # the kernel ends at four standard deviations


def test_half_of_the_images_are_blurred_by_different_widths():
    images = torch.zeros(400, 1, 9, 9)
    images[:, :, 4, 4] = 1
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=0.0)
    peaks = build(cfg, v=batch_of('target', images))['inputs'][:, 0, 4, 4]
    blurred = peaks[peaks < 1]
    assert len(blurred) == pytest.approx(200, abs=50)  # a standard deviation is 10; the narrowest change no bit
    assert blurred.min() == pytest.approx(1 / (2 * np.pi * 1.15**2), abs=0.02)
    assert len(blurred.unique()) > 100


def test_grey_images_have_one_luma():
    unit = unit_image(300, 3, 2, 2)
    cfg = dict(type='StrongAugmentation', view='v', grey_probability=0.2, jitter_probability=0.0, blur_probability=0.0)
    found = build(cfg, preprocessor=UDADataPreprocessor(**STATISTICS), v=batch_of('target', normalised(unit)))['inputs']
    grey = [not torch.equal(*pair) for pair in zip(found, normalised(unit), strict=True)]
    assert sum(grey) == pytest.approx(60, abs=25)  # a standard deviation is 7
    expected = torch.einsum('nchw,c->nhw', unit, torch.tensor(LUMA, dtype=torch.float64))[:, None].expand(-1, 3, 2, 2)
    torch.testing.assert_close(found[grey], normalised(expected)[grey], rtol=0, atol=1e-5)


@pytest.mark.parametrize('bands', [1, 2, 5])
def test_other_numbers_of_bands(monkeypatch, bands):
    """Brightness and contrast change all bands by the same factors; hue, saturation and grey the first three."""
    calls, unit = recorded(monkeypatch), unit_image(2, bands, 4, 4)
    statistics = dict(mean=(127.5,) * bands, std=(127.5,) * bands)
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=1.0, blur_probability=0.0, grey_probability=1.0)
    batch = batch_of('target', 2 * unit - 1)
    found = build(cfg, preprocessor=UDADataPreprocessor(**statistics), v=batch)['inputs'] / 2 + 0.5
    for one, image, (factors, order) in zip(found, unit, calls, strict=True):
        first = 3 if bands > 3 else 0
        expected = image[first:].clone()
        for index in order:
            if index < 2:
                expected = (expected + factors[0] - 1 if index == 0 else expected * factors[1]).clamp(0, 1)
        torch.testing.assert_close(one[first:], expected, rtol=0, atol=1e-6)
        if first:
            assert (one[:3] - one[:1]).abs().max() < 1e-6
            jittered = by_hand(image[:3], factors, order, DACS)
            expected = sum(weight * band for weight, band in zip(LUMA, jittered, strict=True))
            torch.testing.assert_close(one[0], expected, rtol=0, atol=1e-6)


def test_a_network_from_caffe_gets_the_same_colours_in_its_order():
    """Statistics are in the order that the network gets."""
    unit, cfg = unit_image(2, 3, 4, 4), dict(type='StrongAugmentation', view='v', grey_probability=0.5)
    rgb = dict(mean=(120, 100, 90), std=(60, 50, 40))
    bgr = {key: value[::-1] for key, value in rgb.items()}
    batch = normalised(unit)
    found = build(cfg, preprocessor=UDADataPreprocessor(**rgb), v=batch_of('target', batch))['inputs']
    turned = UDADataPreprocessor(**bgr, rgb_to_bgr=True)
    other = build(cfg, preprocessor=turned, v=batch_of('target', batch.flip(1)))['inputs']
    torch.testing.assert_close(other.flip(1), found)


def test_places_without_data_stay_zero():
    missing = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5
    missing[1] = False
    label, weight = torch.zeros(2, 8, 8).long(), torch.rand(2, 8, 8)
    batch = batch_of('target', torch.rand(2, 3, 8, 8).masked_fill(missing[:, None], 0), label, weight, missing)
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=1.0, blur_probability=1.0)
    strong = build(cfg, v=batch)
    assert torch.equal((strong['inputs'] == 0).all(dim=1), missing)
    assert torch.equal(maps(strong, 'pixel_weight'), weight) and torch.equal(maps(strong, 'no_data'), missing)


def test_what_is_not_drawn_keeps_its_values():
    images = 9 * torch.randn(3, 3, 8, 8)
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=0.0, blur_probability=0.0)
    assert torch.equal(build(cfg, v=batch_of('target', images))['inputs'], images)


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (8, 8)])
def test_the_seed_decides_in_any_precision_and_size(size):
    batch = batch_of('target', torch.rand(4, 3, *size).bfloat16())
    cfg = dict(type='StrongAugmentation', view='v', jitter_probability=1.0, blur_probability=1.0)
    first, again, other = (build(cfg, seed, v=batch)['inputs'] for seed in (0, 0, 1))
    assert first.dtype == torch.bfloat16
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    ('mean', 'std', 'white', 'message'),
    [
        ((3000, 2500, 2000), (900,) * 3, 10000, "mean of 'target' is 3000"),
        ((0.3, 0.4, 0.3), (0.2,) * 3, 1, "mean of 'target' is 0.4"),
        ((200, 180, 150), (150,) * 3, 2047, 'two standard deviations above it lie 500'),
    ],
)
def test_rasters_in_other_units_than_white_are_refused(mean, std, white, message):
    batch, cfg = batch_of('target', torch.zeros(1, 3, 4, 4)), dict(type='StrongAugmentation', view='v')
    with pytest.raises(UserError, match=f'white=255, .*{message}'):
        build(cfg, preprocessor=UDADataPreprocessor(mean=mean, std=std), v=batch)
    build(dict(cfg, white=white), preprocessor=UDADataPreprocessor(mean=mean, std=std), v=batch)


def test_a_preprocessor_that_gives_no_pixels_is_refused():
    with pytest.raises(UserError, match='which Identity does not give back'):
        batch = batch_of('target', torch.zeros(1, 3, 4, 4))
        build(dict(type='StrongAugmentation', view='v'), preprocessor=torch.nn.Identity(), v=batch)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(brightness=1.5), 'StrongAugmentation: brightness=1.5; give a number between 0 and 1'),
        (dict(hue=0.6), 'between 0 and 0.5'),
        (dict(grey_probability=-1), 'grey_probability=-1'),
        (dict(sigma=(1.15, 0.15)), 'the smaller first'),
        (dict(style='pil'), "give one of .'dacs', 'torchvision'"),
        (dict(white=0), 'white=0; give a number above 0'),
    ],
)
def test_values_out_of_range_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        VIEWS.build(dict(type='StrongAugmentation', **options))
