"""Colour transfer against the papers' equations, written out pixel by pixel."""

import numpy as np
import pytest
from skimage.exposure import match_histograms

from mmuda.registry import DATASETS, TRANSFORMS


@DATASETS.register_module(force=True)
class References:
    """Images that are given."""

    images: list[np.ndarray] = []
    no_data = None

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        item = dict(img=self.images[index])
        return item if self.no_data is None else dict(item, no_data=self.no_data)


def draw(shape, seed, low=0, high=256, dtype=np.uint8):
    return np.random.RandomState(seed).randint(low, high, shape).astype(dtype)


def build(*references, **cfg):
    References.images = list(references)
    return TRANSFORMS.build(dict(reference=dict(type='References'), **cfg))


def changed(transform, image):
    return transform(dict(img=image.copy()))['img']


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_histogram_matching_is_that_of_scikit_image(dtype):
    image, reference = draw((9, 8, 2), 0, 60, 100, dtype), draw((7, 11, 2), 1, 90, 200, dtype)
    expected = match_histograms(image, reference, channel_axis=-1)
    ours = changed(build(reference, type='HistogramMatching'), image)
    assert ours.dtype == dtype
    if dtype == np.uint8:  # ours rounds to the nearest whole number, scikit-image cuts the fraction off
        expected = match_histograms(image.astype(float), reference.astype(float), channel_axis=-1)
        np.testing.assert_array_equal(ours, np.rint(expected))
    else:
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_an_image_matched_to_itself_stays():
    image = draw((16, 16, 3), 2)
    for cfg in (dict(type='HistogramMatching'), dict(type='ReinhardTransfer', space='bands'),
                dict(type='FourierTransfer', beta=0.1)):  # fmt: skip
        np.testing.assert_array_equal(changed(build(image, **cfg), image), image)
    ours = changed(build(image, type='ReinhardTransfer'), np.maximum(image, 1))
    assert np.abs(ours.astype(int) - np.maximum(image, 1)).max() <= 1


def test_reinhard_in_the_bands():
    image, reference = draw((9, 8, 4), 0, 60, 90, np.float32), draw((5, 6, 4), 1, 100, 160, np.float32)
    ours = changed(build(reference, type='ReinhardTransfer', space='bands'), image)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours.mean(axis=(0, 1)), reference.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(ours.std(axis=(0, 1)), reference.std(axis=(0, 1)), rtol=1e-4)
    flat = np.full_like(image, 7)
    result = changed(build(reference, type='ReinhardTransfer', space='bands'), flat)
    np.testing.assert_allclose(result, np.broadcast_to(reference.mean(axis=(0, 1)), flat.shape), rtol=1e-5)


def lalphabeta(pixel):
    """Equations (4) to (6) of Reinhard et al. for one pixel, with the numbers as printed."""
    red, green, blue = pixel
    long = 0.3811 * red + 0.5783 * green + 0.0402 * blue
    middle = 0.1967 * red + 0.7244 * green + 0.0782 * blue
    short = 0.0241 * red + 0.1288 * green + 0.8444 * blue
    a, b, c = np.log10(long), np.log10(middle), np.log10(short)
    return [(a + b + c) / np.sqrt(3), (a + b - 2 * c) / np.sqrt(6), (a - b) / np.sqrt(2)]


def test_reinhard_in_the_papers_space():
    image, reference = draw((6, 5, 3), 0, 80, 120, np.float32), draw((4, 7, 3), 1, 60, 100, np.float32)
    ours = changed(build(reference, type='ReinhardTransfer'), image).astype(np.float64)
    channels, goal, result = (
        np.array([lalphabeta(pixel) for pixel in x.reshape(-1, 3).astype(np.float64)]) for x in (image, reference, ours)
    )
    expected = (channels - channels.mean(0)) * goal.std(0) / channels.std(0) + goal.mean(0)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_fourier_transfer_exchanges_low_amplitudes_and_keeps_phases():
    image, reference = draw((20, 24, 3), 0, 100, 150, np.float64), draw((20, 24, 3), 1, 20, 220, np.float64)
    ours = changed(build(reference, type='FourierTransfer', beta=0.1), image)
    for band in range(3):
        source, target, mixed = (np.fft.fft2(x[..., band]) for x in (image, reference, ours))
        for v in range(20):
            for u in range(24):
                # Frequencies from -10 to 9 and from -12 to 11; the square reaches floor(20 * 0.1) = 2 to each side.
                low = abs(v if v < 10 else v - 20) <= 2 and abs(u if u < 12 else u - 24) <= 2
                amplitude = abs(target[v, u]) if low else abs(source[v, u])
                expected = amplitude * np.exp(1j * np.angle(source[v, u]))
                assert abs(mixed[v, u] - expected) < 1e-6 * max(1, abs(expected))


def test_a_reference_of_another_size_is_resized():
    image = draw((20, 24, 1), 0)
    assert changed(build(draw((50, 30, 1), 1), type='FourierTransfer'), image).shape == image.shape


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='HistogramMatching'),
        dict(type='ReinhardTransfer', space='bands'),
        dict(type='FourierTransfer', beta=0.1),
    ],
)
def test_ten_bands_are_each_what_they_are_alone(cfg):
    image, reference = draw((20, 24, 10), 0, dtype=np.float32), draw((50, 30, 10), 1, dtype=np.float32)
    together = changed(build(reference, **cfg), image)
    for band in range(10):
        alone = changed(build(reference[..., band : band + 1], **cfg), image[..., band : band + 1])
        np.testing.assert_allclose(together[..., band : band + 1], alone, rtol=1e-5, atol=1e-4)


def test_the_probability_and_the_seed_decide():
    image, reference = draw((8, 8, 3), 0), draw((8, 8, 3), 1)
    never = build(reference, type='HistogramMatching', prob=0.0)
    np.testing.assert_array_equal(changed(never, image), image)
    several = build(*(draw((8, 8, 3), i) for i in range(1, 6)), type='HistogramMatching', prob=0.5)
    runs = []
    for _ in range(2):
        np.random.seed(4)
        runs.append([changed(several, image) for _ in range(12)])
    np.testing.assert_array_equal(*runs)
    kept = [np.array_equal(result, image) for result in runs[0]]
    assert any(kept) and not all(kept)


def test_what_is_refused():
    image = draw((8, 8, 3), 0)
    with pytest.raises(ValueError, match='prob=2 of HistogramMatching is no probability'):
        build(image, type='HistogramMatching', prob=2)
    with pytest.raises(ValueError, match="space='lab' of ReinhardTransfer is not known"):
        build(image, type='ReinhardTransfer', space='lab')
    with pytest.raises(ValueError, match=r'beta=0.6 of FourierTransfer lies outside \(0, 0.5\]'):
        build(image, type='FourierTransfer', beta=0.6)
    with pytest.raises(ValueError, match='read the same bands of both domains'):
        changed(build(image[..., :2], type='HistogramMatching'), image)
    with pytest.raises(ValueError, match="got 4 bands, but 'lalphabeta' is made for red, green, blue"):
        changed(build(draw((8, 8, 4), 0), type='ReinhardTransfer'), draw((8, 8, 4), 1))


@pytest.mark.parametrize('kind', ['HistogramMatching', 'ReinhardTransfer'])
def test_pixels_without_data_do_not_move_the_colours(kind):
    """Those that hold data become what they would be if there were no others."""
    image, reference = draw((9, 8, 3), 0, 40, 120), draw((7, 6, 3), 1, 90, 250)
    missing, unknown = np.zeros((9, 8), bool), np.zeros((7, 6), bool)
    missing[:4], unknown[:, 3:] = True, True
    alone = changed(build(reference[:, :3], type=kind), image[4:])
    image[missing], reference[unknown] = 0, 0
    transform = build(reference, type=kind)
    References.no_data = np.where(unknown, 255, 0).astype(np.uint8)
    try:
        found = transform(dict(img=image.copy(), no_data=np.where(missing, 255, 0).astype(np.uint8)))['img']
    finally:
        References.no_data = None
    assert np.abs(found[4:].astype(int) - alone).max() <= 1
    assert np.abs(found[:4] - found[4:].mean(axis=(0, 1))).max() <= 1


def test_an_image_without_any_data_stays():
    image = draw((4, 4, 3), 0)
    transform = build(draw((4, 4, 3), 1), type='ReinhardTransfer')
    found = transform(dict(img=image.copy(), no_data=np.full((4, 4), 255, np.uint8)))['img']
    assert np.array_equal(found, image)
