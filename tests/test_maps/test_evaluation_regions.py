"""Scores of regions, against shapely at each pixel's centre."""

import numpy as np
import pytest
import shapely

from mmuda.maps.evaluation.regions import RegionCounts
from mmuda.utils.errors import UserError
from tests.helpers.class_maps import box, patches, pixel_centres, with_errors, write_classes, write_polygons

SHAPES = (
    shapely.Polygon([(450001.1, 39999.2), (450017.3, 39996.1), (450009.4, 39983.3)]),
    shapely.Polygon([(450010.2, 39991.6), (450024.9, 39993.2), (450013.7, 39978.8)]),
    box(60, 60, 30, 30),  # reaches beyond the map
    box(500, 500, 5, 5),  # far away
)


@pytest.mark.parametrize('rows', [70, 11])
def test_regions_hold_the_pixels_whose_centres_lie_in_them(tmp_path, rows):
    truth = patches((70, 80))
    predicted = with_errors(truth)
    grid = write_classes(tmp_path / 'map.tif', predicted)
    path = write_polygons(tmp_path / 'regions.gpkg', SHAPES, name=['south', 'south', 'east', 'nowhere'])
    regions = RegionCounts(path, grid, 3)
    for row in range(0, 70, rows):
        regions.add(predicted[row : row + rows], truth[row : row + rows], row)
    assert list(regions.counts) == ['south', 'east']
    points = shapely.points(*pixel_centres((70, 80)))
    for name, shape in (('south', shapely.union_all(SHAPES[:2])), ('east', SHAPES[2])):
        inside = shapely.contains(shape, points)
        counts = regions.counts[name]
        assert counts.total == inside.sum() > 50
        for i in range(3):
            for j in range(3):
                assert counts.confusion[i, j] == (inside & (truth == i) & (predicted == j)).sum()


def test_regions_without_names_are_numbered(tmp_path):
    grid = write_classes(tmp_path / 'map.tif', np.zeros((70, 80), np.uint8))
    path = write_polygons(tmp_path / 'regions.geojson', SHAPES[:2], code=[7, 9])
    assert list(RegionCounts(path, grid, 3).counts) == ['1', '2']
    assert list(RegionCounts(path, grid, 3, 'code').counts) == ['7', '9']


def test_regions_elsewhere_are_refused(tmp_path):
    grid = write_classes(tmp_path / 'map.tif', np.zeros((70, 80), np.uint8))
    path = write_polygons(tmp_path / 'regions.gpkg', SHAPES[3:], name=['nowhere'])
    with pytest.raises(UserError, match='no region of .*regions.gpkg lies on .*map.tif'):
        RegionCounts(path, grid, 3)
