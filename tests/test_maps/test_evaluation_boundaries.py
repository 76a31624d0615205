"""The boundary F1 score, against a plain version on the whole raster."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from mmuda.maps.evaluation.boundaries import BoundaryCounts
from mmuda.utils.errors import UserError
from tests.helpers.class_maps import patches, with_errors


def boundary(label, valid, index):
    """Pixels of a class beside a valid pixel of another class, by looking at each one's neighbours."""
    found = np.zeros(label.shape, bool)
    height, width = label.shape
    for row, col in np.argwhere((label == index) & valid):
        for r, c in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            if 0 <= r < height and 0 <= c < width and valid[r, c] and label[r, c] != index:
                found[row, col] = True
    return found


def near(own, other, tolerance, pixel):
    if not other.any():
        return 0
    return int((distance_transform_edt(~other, sampling=pixel)[own] <= tolerance + 1e-6).sum())


@pytest.mark.parametrize(
    ('tolerance', 'pixel'), [(None, (0.5, 0.5)), (0.0, (1, 1)), (3.0, (1.0, 1.0)), (2.5, (1.0, 0.5)), (5.0, (1.0, 1.0))]
)
@pytest.mark.parametrize('rows', [60, 7, 1])
def test_strips_count_as_the_whole_raster_does(tolerance, pixel, rows):
    truth = patches((60, 45), sigma=3)
    predicted = with_errors(truth)
    truth[20:24, 5:30] = 255
    counts = BoundaryCounts(4, tolerance, pixel)  # class 3 occurs nowhere
    for row in range(0, 60, rows):
        first, last = max(0, row - counts.halo), min(60, row + rows + counts.halo)
        counts.add(predicted[first:last], truth[first:last], slice(row - first, min(60, row + rows) - first))
    valid = (predicted != 255) & (truth != 255)
    radius = 2 * pixel[0] if tolerance is None else tolerance
    for index in range(3):
        mapped, true = boundary(predicted, valid, index), boundary(truth, valid, index)
        expected = mapped.sum(), near(mapped, true, radius, pixel), true.sum(), near(true, mapped, radius, pixel)
        assert counts.counts[index].tolist() == list(expected)
        precision, recall = expected[1] / expected[0], expected[3] / expected[2]
        assert counts.scores['f1'][index] == pytest.approx(2 * precision * recall / (precision + recall))
    assert np.isnan(counts.scores['f1'][3])
    assert counts.mean_f1 == pytest.approx(counts.scores['f1'][:3].mean())


def test_a_class_without_boundary_in_the_map_scores_zero():
    counts = BoundaryCounts(2, None, (1, 1))
    truth = np.zeros((9, 9), np.uint8)
    truth[:4] = 1
    counts.add(np.zeros((9, 9), np.uint8), truth, slice(0, 9))
    assert counts.scores['f1'].tolist() == [0, 0]


@pytest.mark.parametrize(('pixel', 'word'), [(None, 'has no projection'), ((0.01, 0.01), '500 pixels')])
def test_an_unusable_tolerance_is_refused(pixel, word):
    with pytest.raises(UserError, match=word):
        BoundaryCounts(2, 5.0, pixel)
