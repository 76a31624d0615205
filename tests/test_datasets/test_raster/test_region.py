"""A region of interest: ground outside it counts as without data, and items lie where it is."""

import numpy as np
import pytest
import shapely

from mmuda.datasets import RasterDataset
from mmuda.datasets.class_counts import class_counts
from tests.test_datasets.test_raster.test_polygons import burnt, dataset, images, on_ground, write_vector

__all__ = ['images']

CORNERS = [shapely.box(2.2, 1.4, 9.7, 8.6), shapely.box(41.3, 22.2, 58.8, 39.1)]


@pytest.fixture
def region(images, write_raster):
    """The folder, with a label that is 1 right of column 30, and a region in two corners of the image."""
    write_vector(images / 'region.geojson', on_ground(CORNERS), 'EPSG:4326')
    label = np.zeros((40, 60), np.uint8)
    label[:, 30:] = 1
    write_raster(images / 'labels' / 'a.tif', label, gsd=0.5)
    return images


def test_outside_the_region_is_no_data_and_not_counted(region):
    inside = burnt(on_ground(CORNERS)) == 1
    (item,) = dataset(region, 'labels', region='region.geojson')
    expected = np.where(np.arange(60) >= 30, 1, 0) * np.ones((40, 1), int)
    np.testing.assert_array_equal(item['gt_seg_map'], np.where(inside, expected, 255))
    np.testing.assert_array_equal(item['no_data'] == 0, inside)
    counts = class_counts(dataset(region, 'labels', region='region.geojson')).pixels.sum(axis=0)
    assert counts.tolist() == [(inside & (expected == value)).sum() for value in (0, 1)]


def test_an_image_without_labels_is_masked_too(region):
    data = RasterDataset(
        data_root=str(region),
        data_prefix=dict(img_path='images'),
        region='region.geojson',
        pipeline=[dict(type='LoadRasterWindow')],
    )
    np.testing.assert_array_equal(data[0]['no_data'] == 0, burnt(on_ground(CORNERS)) == 1)


def test_tiles_outside_the_region_are_left_out(region):
    data = dataset(region, 'labels', region='region.geojson', tile=10)
    inside = burnt(on_ground(CORNERS)) == 1
    tiles = [(row, col) for row in range(0, 40, 10) for col in range(0, 60, 10)]
    expected = [(row, col) for row, col in tiles if inside[row : row + 10, col : col + 10].any()]
    assert [item['window'][:2] for item in data] == expected and len(expected) == 5


@pytest.mark.parametrize('samples', [None, 7])
def test_crops_are_drawn_where_the_region_is(region, samples):
    steps = [dict(type='RandomGroundCrop', size=8), dict(type='LoadRasterWindow')]
    data = RasterDataset(
        data_root=str(region),
        data_prefix=dict(img_path='images'),
        region='region.geojson',
        samples_per_raster=samples,
        pipeline=steps,
    )
    inside = burnt(on_ground(CORNERS)) == 1
    cells = [
        (row, col) for row in range(0, 40, 8) for col in range(0, 60, 8) if inside[row : row + 8, col : col + 8].any()
    ]
    assert len(data) == (samples or len(cells))
    np.random.seed(3)
    shares = [(item.get('no_data', np.zeros((8, 8))) == 0).mean() for _ in range(40) for item in data]
    assert min(shares) > 0
    everywhere = [inside[row : row + 8, col : col + 8].mean() for row in range(33) for col in range(53)]
    assert np.mean(shares) > 2 * np.mean(everywhere)


def test_a_region_elsewhere_is_refused(region):
    write_vector(region / 'region.geojson', [shapely.box(600000, 5000000, 600100, 5000100)], 'EPSG:4326')
    with pytest.raises(
        ValueError, match=r'no image of RasterDataset \(e.g. .*a.tif\) lies in the region .*region.geojson'
    ):
        dataset(region, 'labels', region='region.geojson')


def test_an_image_outside_the_region_gives_no_items(region, write_raster, coded_image):
    write_raster(region / 'images' / 'b.tif', coded_image(40, 60), gsd=0.5, origin=(501000.0, 5000000.0))
    write_raster(region / 'labels' / 'b.tif', np.zeros((40, 60), np.uint8), gsd=0.5, origin=(501000.0, 5000000.0))
    for tile in (None, 8):
        data = dataset(region, 'labels', region='region.geojson', tile=tile)
        assert {item['img_path'].rsplit('/', 1)[1] for item in data} == {'a.tif'}


def test_a_missing_region(region):
    with pytest.raises(ValueError, match='none.geojson cannot be read as a vector file'):
        dataset(region, 'labels', region='none.geojson')
