"""Which windows are shown, at which scale, and the numbers beside them, on predictions made by hand."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from mmuda.evaluation.criteria import confusion
from mmuda.reports.charts import Picture
from mmuda.reports.confusion import matrix_of
from mmuda.reports.images import graphic
from mmuda.reports.predicting import SIDE, Model, Predicted, Predictions, Window
from mmuda.reports.slider import scene_of
from mmuda.reports.windows import chosen_windows, coloured, rows_of

PALETTE = [[10, 20, 30], [200, 100, 0]]
TRUTH = np.tile(np.array([0, 0, 1, 1], np.uint8), (8, 2))


def window(place, shape=(8, 8), truth=TRUTH, path='a.tif', gsd=0.5):
    return Window(np.full((*shape, 3), 90, np.uint8), truth, path, place, gsd)


def predicted(label, truth=TRUTH, confidence=0.75):
    counts = None if truth is None else confusion(torch.tensor(truth.ravel()), torch.tensor(label.ravel()), 2)
    return Predicted(label, np.full(label.shape, confidence, np.float32), counts)


def wrong(rows):
    """A prediction whose first rows are wrong."""
    label = TRUTH.copy()
    label[:rows] = 1 - label[:rows]
    return label


@pytest.fixture
def found():
    windows = [window((8 * (i // 2), 8 * (i % 2))) for i in range(4)]
    first, second = Model('plain', '', '', ''), Model('adapted', '', '', '')
    first.predictions = [predicted(wrong(8)) for _ in windows]
    second.predictions = [predicted(wrong(rows), confidence=1 - rows / 20) for rows in (3, 0, 5, 1)]
    return Predictions(windows, [first, second], ['ground', 'roof'], PALETTE, 9)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(',')[2]))).convert('RGB'))


def test_windows_are_ranked_by_the_truth(found):
    chosen = chosen_windows(found, found.models[1], 2)
    assert chosen == [('worst', 2), ('worst', 0), ('best', 1), ('best', 3)]
    assert chosen_windows(found, found.models[1], 9)[-1] == ('worst', 1)  # each once
    one = found.models[1].predictions[0]
    assert one.accuracy == pytest.approx(5 / 8)
    assert one.miou == pytest.approx(20 / (64 - 20))  # for both classes: 20 of 32 right, 12 and 12 wrong


def test_without_labels_they_are_ranked_by_confidence(found):
    found.windows = [window(one.place, truth=None) for one in found.windows]
    for model in found.models:
        model.predictions = [Predicted(one.label, one.confidence, None) for one in model.predictions]
    assert not found.labelled and found.models[0].counts is None
    assert chosen_windows(found, found.models[1], 1) == [('least sure', 2), ('most sure', 1)]
    row = rows_of(found, found.models, found.models[1], 1)[0]
    assert [one.caption for one in row.panels][::2] == [
        'image; bar 1 m',
        'confidence, mean 75\u00a0%',
        'confidence, mean 75\u00a0%',
    ]


def test_a_window_with_hardly_any_label_is_not_ranked(found):
    truth = np.full((8, 8), 255, np.uint8)
    truth[0, 0] = 0
    found.windows[2] = window((8, 0), truth=truth)
    assert 2 not in [place for _, place in chosen_windows(found, found.models[1], 4)]


def test_all_panels_have_one_ground_scale(found):
    """A window of half the ground is drawn half as large, whatever its pixels."""
    small = np.zeros((8, 8), np.uint8)
    found.windows[1] = window((0, 8), truth=small, gsd=0.25)
    found.models[1].predictions[1] = predicted(small, small)
    rows = rows_of(found, [found.models[1]], found.models[1], 2)
    for row in rows:
        assert len(row.panels) == 4
        for place, picture in enumerate(row.panels):
            image = pixels(picture)
            assert image.shape == (SIDE, SIDE, 3)
            drawn = (np.abs(image.astype(int) - 255) > 12).any(axis=-1)
            wide = drawn[SIDE // 2].sum()
            expected = SIDE // 2 if 'column 8' in row.title and 'row 0' in row.title else SIDE
            assert abs(int(wide) - expected) <= 8, (row.title, place)
    assert rows[0].title == 'worst: a.tif, row 8, column 0'
    assert rows[0].panels[2].caption == 'adapted, mIoU 23\u00a0%, 38\u00a0% right'


def test_classes_keep_their_exact_colours(found):
    truth = pixels(rows_of(found, [found.models[1]], found.models[1], 1)[0].panels[1])
    assert {tuple(colour) for colour in truth.reshape(-1, 3).tolist()} == {tuple(colour) for colour in PALETTE}


@pytest.mark.parametrize('colours', [1, 7, 256, 300])
def test_a_graphic_is_exact(colours):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (colours, 3)).astype(np.uint8)[rng.integers(0, colours, (40, 30))]
    assert (pixels(Picture(graphic(image), '')) == image).all()


def test_confidence_goes_from_chance_to_one():
    colours = coloured(np.array([[0.5, 1.0, np.nan]]), 2)
    assert colours[0].tolist() == [[68, 1, 84], [253, 231, 36], [255, 255, 255]]  # both ends of viridis


def test_a_confusion_matrix_is_in_percent_of_the_true_class(found):
    matrix = matrix_of(found.models[1], found.classes)
    right = 100 * (32 - 9) / 32  # 9 of 32 rows are wrong
    assert matrix.rows == [pytest.approx([right, 100 - right]), pytest.approx([100 - right, right])]
    assert (matrix.accuracy, matrix.shares) == (pytest.approx(right), [50.0, 50.0])


def test_the_maps_of_a_raster_are_joined(found):
    scene = scene_of(found, *found.models)
    assert scene.name == 'a.tif' and (scene.left, scene.right) == ('plain', 'adapted')
    assert scene.differ == pytest.approx((5 + 8 + 3 + 7) / 32)
    assert list(scene.maps) == ['plain', 'adapted', 'truth'] and scene.width == 16
    joined = np.block([[found.models[1].predictions[2 * i + j].label for j in (0, 1)] for i in (0, 1)])
    assert (pixels(scene.maps['adapted']) == np.array(PALETTE)[joined]).all()
    assert scene.bar == 2.0 and scene.bar_share == pytest.approx(2 / 8)


def test_one_model_is_laid_over_the_truth(found):
    scene = scene_of(found, found.models[1], None)
    assert (scene.left, scene.right) == ('adapted', 'truth') and scene.differ == pytest.approx((3 + 0 + 5 + 1) / 32)


def test_a_part_of_a_raster_is_shown_as_a_window(found):
    del found.windows[0]
    for model in found.models:
        del model.predictions[0]
    scene = scene_of(found, *found.models)
    assert scene.name == 'a.tif, row 0, column 8' and scene.differ == 1.0  # where they differ most
