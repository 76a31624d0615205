import numpy as np

from mmuda.visualization import colour_labels, colour_table, default_palette, viewable


def test_labels_take_their_colours_and_ignored_pixels_none_of_them():
    palette = [[1, 2, 3], [40, 50, 60]]
    picture = colour_labels(np.array([[0, 1], [255, 1]], dtype=np.uint8), palette)
    assert picture.dtype == np.uint8
    assert picture[0].tolist() == palette
    assert picture[1, 0].tolist() not in palette
    assert picture[1, 1].tolist() == palette[1]


def test_colour_table_hides_what_was_not_predicted():
    assert colour_table([[1, 2, 3]]) == {0: (1, 2, 3, 255), 255: (0, 0, 0, 0)}


def test_default_palette_is_pascal_vocs():
    expected = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128]]
    assert default_palette(7) == expected
    assert default_palette(9)[8] == [64, 0, 0]
    assert len({tuple(colour) for colour in default_palette(100)}) == 100


def test_bands_of_any_kind_become_rgb():
    image = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(viewable(image), image[..., :3])
    heights = np.array([[[-1.0], [0.0]], [[5.0], [np.nan]]], dtype=np.float32)
    expected = np.array([[0, 0], [127, 0]])  # 0..10 m; what is missing is black
    assert np.array_equal(viewable(heights, (0.0, 10.0)), np.repeat(expected[..., None], 3, axis=-1))
    assert viewable(heights)[1, 0].tolist() == [255] * 3
