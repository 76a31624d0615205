"""Random colours: mmseg's own where that can take the image, and a definition of what it cannot."""

import cv2
import mmseg.datasets.transforms as theirs
import numpy as np
import pytest

from mmuda.datasets.transforms import PhotoMetricDistortion


def image(bands, dtype=np.uint8):
    values = np.random.default_rng(0).integers(0, 256, (24, 20, bands))
    return values.astype(dtype)


def changed(transform, array, seed, order=None):
    np.random.seed(seed)
    return transform(dict(img=array.copy(), channel_order=order) if order else dict(img=array.copy()))['img']


@pytest.mark.parametrize('order', [None, 'BGR', 'RGB'])
def test_three_bands_of_8_bits_are_changed_as_by_mmseg(order):
    array, reverse = image(3), slice(None, None, -1 if order == 'RGB' else 1)
    for seed in range(30):
        expected = changed(theirs.PhotoMetricDistortion(), np.ascontiguousarray(array[..., reverse]), seed)
        found = changed(PhotoMetricDistortion(), array, seed, order)
        assert found.dtype == np.uint8 and np.array_equal(found, expected[..., reverse])


def test_further_bands_change_in_brightness_and_contrast_alone():
    array = image(5)
    for seed in range(20):
        found = changed(PhotoMetricDistortion(), array, seed, 'RGB')
        assert np.array_equal(found[..., :3], changed(PhotoMetricDistortion(), array[..., :3], seed, 'RGB'))
        assert found.shape == array.shape
    still = PhotoMetricDistortion(brightness_delta=0, contrast_range=(1, 1))
    colours = [changed(still, array, seed, 'RGB') for seed in range(20)]
    assert all(np.array_equal(one[..., 3:], array[..., 3:]) for one in colours)
    assert any(not np.array_equal(one[..., :3], array[..., :3]) for one in colours)


@pytest.mark.parametrize('bands', [1, 2])
def test_images_without_colours_have_brightness_and_contrast(bands):
    array = image(bands)
    found = [changed(PhotoMetricDistortion(), array, seed, 'RGB') for seed in range(20)]
    assert all(one.shape == array.shape for one in found)
    assert len({one.tobytes() for one in found}) > 10


def test_float_images_stay_float_and_near_those_of_8_bits():
    array = image(4).astype(np.float32)
    for seed in range(30):
        found = changed(PhotoMetricDistortion(), array, seed, 'RGB')
        rounded = changed(PhotoMetricDistortion(), array.astype(np.uint8), seed, 'RGB')
        assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 255
        assert np.abs(found - rounded)[..., 3:].max() < 3
        assert np.abs(found - rounded).mean() < 3
    colours = PhotoMetricDistortion(brightness_delta=0, contrast_range=(1, 1))
    fine = np.clip(array, 1, 254) + np.float32(0.25)
    found = np.stack([changed(colours, fine, seed, 'RGB') for seed in range(10)])
    inside = (found > 0) & (found < 255)
    assert inside.mean() > 0.9 and (found[inside] % 1 == 0.25).all()  # what lies between two of 256 values is kept


def test_hue_turns_by_as_much_in_both_orders():
    """A red image turned by hue: the angle in HSV is what was drawn, whichever order the bands have."""
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    transform = PhotoMetricDistortion(0, (1, 1), (1, 1), hue_delta=18)
    for seed in range(20):
        rgb = changed(transform, red, seed, 'RGB')
        bgr = changed(transform, np.ascontiguousarray(red[..., ::-1]), seed, 'BGR')
        assert np.array_equal(rgb, bgr[..., ::-1])
        angle = int(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[0, 0, 0])
        assert min(angle, 180 - angle) <= 18
