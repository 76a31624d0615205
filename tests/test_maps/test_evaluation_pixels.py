"""Pixel scores and the reading of a truth on another grid, recomputed pixel by pixel."""

import itertools

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.warp import transform as transform_coordinates
from rasterio.warp import transform_bounds

from mmuda.datasets.raster.geometry import apply_transform
from mmuda.maps.evaluation.boundaries import BoundaryCounts
from mmuda.maps.evaluation.judging import count
from mmuda.maps.evaluation.options import LabelOptions
from mmuda.maps.evaluation.pixels import PixelCounts
from mmuda.maps.evaluation.reading import LabelLayer, label_layer
from tests.helpers.class_maps import (
    NORTH_UP,
    UTM,
    box,
    patches,
    pixel_centres,
    with_errors,
    write_classes,
    write_polygons,
)

CLASSES = ('ground', 'building', 'tree')


def layer(path, grid, **options):
    return label_layer(path, grid, CLASSES, LabelOptions(**options))


def test_scores_equal_those_counted_pixel_by_pixel():
    truth = patches((40, 50))
    predicted = with_errors(truth)
    truth[:3] = 255
    counts = PixelCounts(3)
    for rows in (slice(0, 13), slice(13, 40)):
        counts.add(predicted[rows], truth[rows])
    pixels = [(t, p) for t, p in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True)]
    valid = [(t, p) for t, p in pixels if t != 255 and p != 255]
    for i, j in itertools.product(range(3), repeat=2):
        assert counts.confusion[i, j] == valid.count((i, j))
    assert (counts.total, counts.counted) == (2000, len(valid))
    assert counts.without_truth == sum(t == 255 for t, _ in pixels)
    assert counts.without_map == sum(t != 255 and p == 255 for t, p in pixels)
    for c in range(3):
        hit, true, mapped = valid.count((c, c)), sum(t == c for t, _ in valid), sum(p == c for _, p in valid)
        expected = dict(iou=hit / (true + mapped - hit), f1=2 * hit / (true + mapped), precision=hit / mapped,
                        recall=hit / true)  # fmt: skip
        assert {key: values[c] for key, values in counts.scores.items()} == pytest.approx(expected)
    assert counts.summary['accuracy'] == pytest.approx(sum(t == p for t, p in valid) / len(valid))


def test_a_class_that_occurs_nowhere_does_not_count_for_the_mean():
    counts = PixelCounts(3)
    counts.add(np.array([0, 0, 1], np.uint8), np.array([0, 1, 1], np.uint8))
    assert np.isnan(counts.scores['iou'][2])
    assert counts.summary['miou'] == pytest.approx((1 / 2 + 1 / 2) / 2)


@pytest.mark.parametrize(
    'transform',
    [
        Affine(0.5, 0, 450003.7, 0, -0.5, 39996.2),
        Affine(0.2, 0, 449999.03, 0, -0.3, 39999.04),
        Affine(3.1, 0, 450000.9, 0, -2.3, 39999.3),
        Affine(0.6, 0.36, 450000.13, 0.36, -0.6, 39985.17),
    ],
    ids=['shifted', 'finer', 'coarser', 'turned'],
)
def test_a_truth_on_another_grid_is_read_at_the_centres_of_the_maps_pixels(tmp_path, transform, monkeypatch):
    truth = patches((60, 55), seed=3)
    grid = write_classes(tmp_path / 'map.tif', patches((50, 70)))
    path = write_classes(tmp_path / 'truth.tif', truth, transform)
    monkeypatch.setattr(LabelLayer, '_side', 17)  # several blocks
    found = layer(path, grid).read((0, 0, 50, 70))
    cols, rows = apply_transform(~transform, *pixel_centres((50, 70)))
    rows, cols = np.floor(rows).astype(int), np.floor(cols).astype(int)
    inside = (rows >= 0) & (rows < 60) & (cols >= 0) & (cols < 55)
    expected = np.where(inside, truth[rows.clip(0, 59), cols.clip(0, 54)], 255)
    assert inside.mean() > 0.1
    # A centre on the border of two cells may go to either.
    assert (found != expected).mean() < 0.002


def test_a_truth_in_another_projection_is_read_where_it_lies(tmp_path):
    grid = write_classes(tmp_path / 'map.tif', patches((80, 80)))
    left, bottom, right, top = transform_bounds(UTM, 'EPSG:4326', 450000, 39960, 450040, 40000)
    transform = Affine((right - left) / 90, 0, left, 0, (bottom - top) / 70, top)
    truth = patches((70, 90), seed=5)
    path = write_classes(tmp_path / 'truth.tif', truth, transform, 'EPSG:4326')
    x, y = pixel_centres((80, 80))
    x, y = map(np.array, transform_coordinates(UTM, 'EPSG:4326', x.ravel(), y.ravel()))
    cols, rows = apply_transform(~transform, x, y)
    rows, cols = np.floor(rows).astype(int), np.floor(cols).astype(int)
    inside = (rows >= 0) & (rows < 70) & (cols >= 0) & (cols < 90)
    expected = np.where(inside, truth[rows.clip(0, 69), cols.clip(0, 89)], 255).reshape(80, 80)
    assert (layer(path, grid).read((0, 0, 80, 80)) != expected).mean() < 0.01


def test_polygons_are_burnt_where_the_centres_lie(tmp_path):
    grid = write_classes(tmp_path / 'map.tif', patches((30, 40)))
    shapes = [box(2, 3, 10, 12), box(15, 20, 8, 9)]
    path = write_polygons(tmp_path / 'truth.gpkg', shapes, kind=['building', 'green'])
    values = dict(green='tree')
    found = layer(path, grid, attribute='kind', values=values).read((0, 0, 30, 40))
    expected = np.zeros((30, 40))
    expected[2:12, 3:15], expected[15:23, 20:29] = 1, 2
    assert np.array_equal(found, expected)
    left_out = layer(path, grid, attribute='kind', values=dict(green='ignore'), background='ignore')
    assert set(np.unique(left_out.read((0, 0, 30, 40)))) == {1, 255}


@pytest.mark.parametrize('rows', [1, 7, 64])
def test_strips_of_files_count_as_the_whole_raster_does(tmp_path, rows):
    truth = patches((61, 45), sigma=3)
    predicted = with_errors(truth)
    map_path, truth_path = (write_classes(tmp_path / name, label) for name, label in
                            (('map.tif', predicted), ('truth.tif', truth)))  # fmt: skip
    whole = BoundaryCounts(3, 1.5, (0.5, 0.5))
    whole.add(predicted, truth, slice(0, 61))
    found = count(layer(map_path, map_path), layer(truth_path, map_path), BoundaryCounts(3, 1.5, (0.5, 0.5)), rows=rows)
    assert np.array_equal(found.boundaries.counts, whole.counts)
    assert found.pixels.total == 61 * 45
    shown = found.preview.labels
    assert all(np.array_equal(one, other) for one, other in zip(shown, (predicted, truth), strict=True))


@pytest.mark.parametrize(('shape', 'step'), [((2500, 40), 3), ((30, 5003), 6), ((3, 2100), 3), ((2, 4000), 4)])
def test_the_picture_shows_every_few_pixels(tmp_path, shape, step):
    label = (np.arange(shape[0] * shape[1]) % 3).astype(np.uint8).reshape(shape)
    path = write_classes(tmp_path / 'map.tif', label)
    both = layer(path, path)
    shown = count(both, both, BoundaryCounts(3, None, (0.5, 0.5)), rows=7).preview.labels
    first = [min(step, length) // 2 for length in shape]
    assert np.array_equal(shown[0], label[first[0] :: step, first[1] :: step])
    assert shown[0].size


def test_no_strip_holds_much_of_a_large_raster(tmp_path, monkeypatch):
    path = tmp_path / 'map.tif'
    profile = dict(driver='GTiff', dtype='uint8', count=1, height=9000, width=9000, crs=UTM, transform=NORTH_UP)
    with rasterio.open(path, 'w', SPARSE_OK=True, tiled=True, **profile):
        pass
    read, sizes = LabelLayer.read, []

    def noted(self, window):
        sizes.append(window[2] * window[3])
        return read(self, window)

    monkeypatch.setattr(LabelLayer, 'read', noted)
    both = layer(str(path), str(path))
    found = count(both, both, BoundaryCounts(3, None, (0.5, 0.5)))
    assert found.pixels.confusion[0, 0] == 9000**2
    assert max(sizes) < 5_000_000
