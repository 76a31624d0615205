"""Object scores, against components of the whole raster and all possible assignments."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from mmuda.datasets.raster.polygons import PolygonClasses
from mmuda.maps.evaluation.components import Components, PolygonObjects
from mmuda.maps.evaluation.objects import ObjectCounts, assign
from tests.helpers.class_maps import box, patches, with_errors, write_classes, write_polygons


def counted(predicted, truth, rows):
    counts = ObjectCounts(Components(), Components())
    for row in range(0, len(truth), rows):
        counts.add(predicted[row : row + rows], truth[row : row + rows], row)
    return counts


def matches(predicted, truth, min_iou, min_pixels=0):
    """Number of objects, and IoU of the pairs, from labels of the whole raster; for thresholds above 0.5."""
    sides = []
    for mask in (predicted, truth):
        numbers, count = ndimage.label(mask)
        found = [numbers == number for number in range(1, count + 1)]
        sides.append([one for one in found if one.sum() >= min_pixels])
    found = [(a & b).sum() / (a | b).sum() for a in sides[0] for b in sides[1] if (a & b).any()]
    return len(sides[0]), len(sides[1]), sorted(iou for iou in found if iou >= min_iou)


@pytest.mark.parametrize('rows', [80, 9, 1])
@pytest.mark.parametrize(('min_iou', 'min_pixels'), [(0.51, 0), (0.7, 0), (0.51, 12)])
def test_objects_across_strips_count_as_in_the_whole_raster(rows, min_iou, min_pixels):
    truth = patches((80, 70), sigma=2)
    predicted = with_errors(truth, share=0.1) == 1
    truth = truth == 1
    scores = counted(predicted, truth, rows).scores(min_iou, min_pixels)
    mapped, true, ious = matches(predicted, truth, min_iou, min_pixels)
    assert (scores.mapped, scores.true, scores.matched) == (mapped, true, len(ious))
    assert len(ious) > 3
    assert scores.mean_iou == pytest.approx(np.mean(ious))
    assert scores.precision == pytest.approx(len(ious) / mapped)
    assert scores.recall == pytest.approx(len(ious) / true)
    assert scores.f1 == pytest.approx(2 * len(ious) / (mapped + true))


@pytest.mark.parametrize('rows', range(1, 9))
def test_what_meets_far_below_is_one_object(rows):
    comb = np.zeros((40, 31), bool)
    comb[:, ::4] = True
    comb[-1] = True
    comb[3, :9] = True
    comb[10, 5:8] = comb[20:23, 13:15] = False
    numbering, pieces = Components(), []
    for row in range(0, 40, rows):
        pieces.append(numbering.number(comb[row : row + rows], row))
    found = numbering.merged()[np.concatenate(pieces)]
    expected, count = ndimage.label(comb)
    assert found.max() == count
    assert len(np.unique(np.stack([found, expected]).reshape(2, -1), axis=1).T) == count + 1


def test_nothing_in_either_gives_no_score():
    empty = np.zeros((5, 5), bool)
    scores = counted(empty, empty, 2).scores()
    assert (scores.mapped, scores.true, scores.matched) == (0, 0, 0)
    assert np.isnan(scores.f1)


def best(pairs, iou):
    """The greatest number of pairs, and the greatest sum of IoU with that number, by trying all subsets."""
    found = (0, 0.0)
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(range(len(pairs)), size):
            left, right = zip(*(pairs[i] for i in chosen), strict=True) if chosen else ((), ())
            if len(set(left)) == len(left) and len(set(right)) == len(right):
                found = max(found, (size, sum(iou[i] for i in chosen)))
    return found


@pytest.mark.parametrize('seed', range(12))
def test_below_one_half_the_assignment_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(1, 6, size=(9, 2)), axis=0)
    iou = rng.uniform(0.1, 0.9, len(pairs))
    chosen = assign(pairs, iou)
    number, total = best(pairs.tolist(), iou.tolist())
    assert len(chosen) == number
    assert chosen.sum() == pytest.approx(total)


def test_at_exactly_one_half_an_object_is_matched_once():
    truth = np.array([[1, 1, 1, 1, 1]], bool)
    predicted = np.array([[1, 1, 0, 1, 1]], bool)
    assert counted(predicted, truth, 1).scores(0.4).matched == 1
    assert counted(predicted, truth, 1).scores(0.41).matched == 0


@pytest.mark.parametrize('rows', [30, 4])
def test_polygons_that_touch_stay_objects_of_their_own(tmp_path, rows):
    grid = write_classes(tmp_path / 'map.tif', np.zeros((30, 40), np.uint8))
    shapes = [box(2, 2, 10, 6), box(2, 8, 10, 6), box(20, 5, 6, 6)]
    path = write_polygons(tmp_path / 'truth.geojson', shapes, 'EPSG:32636', kind=['house', 'house', 'shed'])
    classes = PolygonClasses(dict(house=1, shed=0), 0, 'kind')
    truth = np.zeros((30, 40), bool)
    truth[2:12, 2:14] = True  # no shed: its polygon is of another class
    predicted = np.zeros((30, 40), bool)
    predicted[2:12, 2:7] = True
    counts = ObjectCounts(Components(), PolygonObjects(path, grid, classes))
    for row in range(0, 30, rows):
        counts.add(predicted[row : row + rows], truth[row : row + rows], row)
    scores = counts.scores()
    assert (scores.mapped, scores.true, scores.matched) == (1, 2, 1)
    assert scores.mean_iou == pytest.approx(50 / 60)
