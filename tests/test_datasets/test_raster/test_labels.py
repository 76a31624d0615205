import numpy as np
import pytest

from mmuda.datasets.raster.labels import apply_label_lut, build_label_lut


def test_plain_indices():
    lut = build_label_lut(3)
    np.testing.assert_array_equal(apply_label_lut(np.uint8([0, 1, 2, 255]), lut, 'a'), [0, 1, 2, 255])
    with pytest.raises(ValueError, match=r'x\.tif holds the value 3, but only 0, 1, 2, 255 are allowed'):
        apply_label_lut(np.uint8([[0, 3]]), lut, 'x.tif')


@pytest.mark.parametrize('shape', [(0,), (1,), (7,), (5, 6), (2, 0)])
def test_labels_of_any_shape(shape):
    label = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8) % 3
    mapped = apply_label_lut(label, build_label_lut(3, label_map={0: 2, 1: 255, 2: 0}), 'a.tif')
    assert mapped.dtype == np.uint8 and mapped.shape == shape
    assert mapped.ravel().tolist() == [{0: 2, 1: 255, 2: 0}[value] for value in label.ravel().tolist()]


def test_reduce_zero_label_then_label_map_as_mmseg():
    lut = build_label_lut(3, label_map={0: 1, 1: 255, 2: 0}, reduce_zero_label=True)
    np.testing.assert_array_equal(apply_label_lut(np.uint8([0, 1, 2, 3, 255]), lut, 'a'), [255, 1, 255, 0, 255])
    with pytest.raises(ValueError, match='value 4'):
        apply_label_lut(np.uint8([4]), lut, 'a')


def test_label_values_of_masks():
    lut = build_label_lut(2, label_values={0: 0, 255: 1})
    np.testing.assert_array_equal(apply_label_lut(np.uint8([0, 255]), lut, 'a'), [0, 1])
    with pytest.raises(ValueError, match='value 1'):
        apply_label_lut(np.uint8([1]), lut, 'a')
    with pytest.raises(ValueError, match=r'Masks maps 7 to 2, but Masks has 2 classes'):
        build_label_lut(2, label_values={7: 2}, dataset='Masks')


def test_another_ignore_index():
    lut = build_label_lut(2, ignore_index=9)
    np.testing.assert_array_equal(apply_label_lut(np.uint8([1, 9, 255]), lut, 'a'), [1, 255, 255])


@pytest.mark.parametrize('value', [-1, 300, 0.5, float('nan')])
def test_values_that_uint8_cannot_hold(value):
    label = np.array([0, value], dtype=np.float32 if isinstance(value, float) else np.int16)
    with pytest.raises(ValueError, match=f'value {value}'):
        apply_label_lut(label, build_label_lut(2), 'a')
