"""Holes, simplified and rectangular outlines, and sizes on the ground."""

import numpy as np
import pytest
import rasterio.features
import shapely
import shapely.affinity
from rasterio import Affine
from scipy import ndimage

from mmuda.datasets.raster.reading import probe_raster
from mmuda.maps.polygons.ground import Ground, ground_of
from mmuda.maps.polygons.outlines import simplified, without_small_holes
from mmuda.maps.polygons.regularising import MIN_IOU, regularised
from mmuda.maps.polygons.tracing import straightened, trace
from mmuda.utils.errors import UserError
from tests.helpers.maps import write_map

SIZE = 120
RECTANGLE = shapely.box(-25, -12, 25, 12)
L_SHAPE = shapely.Polygon([(-30, -20), (30, -20), (30, 0), (0, 0), (0, 20), (-30, 20)])
# WGS84: semi-major axis in metres, eccentricity.
A, E = 6378137.0, 0.0818191908426


def polygons_of(mask):
    return straightened(trace(mask.astype(np.uint8), mask.astype(bool), 0).shapes)


def turned(shape, seed):
    draw = np.random.default_rng(seed)
    shape = shapely.affinity.rotate(shape, draw.uniform(0, 180), origin=(0, 0))
    return shapely.affinity.translate(shape, *(SIZE / 2 + draw.uniform(-1, 1, 2)))


def traced(shape, flipped=0.0, seed=0):
    """The outline of a shape on a raster, with a share of the pixels at its border flipped."""
    mask = rasterio.features.rasterize([shape], (SIZE, SIZE)) == 1
    border = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
    mask ^= border & (np.random.default_rng(seed).random(mask.shape) < flipped)
    return max(polygons_of(mask), key=shapely.area)


def furthest(found, truth):
    """Greatest distance of a corner from the nearest one of the truth."""
    wanted = np.array(truth.exterior.coords)
    return max(np.hypot(*(wanted - corner).T).min() for corner in np.array(found.exterior.coords))


@pytest.mark.parametrize('shape, corners', [(RECTANGLE, 4), (L_SHAPE, 6)], ids=['rectangle', 'L'])
@pytest.mark.parametrize('seed', range(12))
def test_a_building_gets_its_corners_back(shape, corners, seed):
    truth = turned(shape, seed)
    for flipped, off in ((0.0, 0.5), (0.1, 1.0)):
        (found,) = regularised(np.array([traced(truth, flipped, seed)]), np.ones(1))
        assert found.is_valid and len(found.exterior.coords) == corners + 1
        assert shapely.hausdorff_distance(found.exterior, truth.exterior) < off and furthest(found, truth) < off


@pytest.mark.parametrize('scale', [0.5, 30.0])
def test_rectangular_outlines_do_not_depend_on_units_and_place(scale):
    outline = traced(turned(L_SHAPE, 3), 0.1)
    (pixels,) = regularised(np.array([outline]), np.ones(1))
    moved = [shapely.affinity.affine_transform(one, [scale, 0, 0, scale, 5e5, 4e6]) for one in (outline, pixels)]
    (found,) = regularised(np.array(moved[:1]), np.array([scale]))
    assert shapely.hausdorff_distance(found, moved[1]) < 1e-6 * scale


@pytest.mark.parametrize('seed', range(30))
def test_what_is_not_rectangular_overlaps_well_or_stays(seed):
    draw = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(draw.random((60, 60)), draw.uniform(0.5, 4))
    shapes = polygons_of(mask > np.quantile(mask, 0.6))
    found = regularised(shapes, np.ones(len(shapes)))
    assert shapely.is_valid(found).all()
    common, both = shapely.area(shapely.intersection(found, shapes)), shapely.area(shapely.union(found, shapes))
    assert (common / both >= MIN_IOU).all()


def test_a_ring_that_no_rectangle_fits_stays():
    thin = traced(shapely.LineString([(20, 20), (100, 25), (25, 100)]).buffer(0.8))
    (found,) = regularised(np.array([thin]), np.ones(1))
    assert found is thin


def test_an_outline_of_very_many_points_stays():
    steps = np.arange(6000)
    comb = np.repeat(steps, 4) + np.tile([0, 0, 0.5, 0.5], 6000), np.tile([1, 2, 2, 1], 6000)
    shape = shapely.Polygon([*np.column_stack(comb), (6000, 0), (0, 0)])
    (found,) = regularised(np.array([shape]), np.ones(1))
    assert found is shape


def test_a_courtyard_becomes_rectangular_too():
    truth = turned(shapely.box(-40, -30, 40, 30) - shapely.box(-15, -10, 15, 10), 5)
    (found,) = regularised(np.array([traced(truth)]), np.ones(1))
    assert [len(ring.coords) for ring in (found.exterior, *found.interiors)] == [5, 5]
    assert shapely.hausdorff_distance(found, truth) < 1


@pytest.mark.parametrize('tolerance', [0.3, 1.0, 2.5, 40.0])
def test_simplified_outlines_are_valid_and_near(tolerance):
    for seed in range(6):
        field = ndimage.gaussian_filter(np.random.default_rng(seed).random((80, 80)), seed / 2)
        shapes = polygons_of(field > np.quantile(field, 0.4))
        found = simplified(shapes, tolerance)
        assert shapely.is_valid(found).all() and (shapely.area(found) > 0).all()
        # GEOS looks at the point at which a ring begins once more, at last.
        assert (shapely.hausdorff_distance(found, shapes) <= 2 * tolerance).all()
        assert tolerance < 1 or shapely.get_num_coordinates(found).sum() < shapely.get_num_coordinates(shapes).sum()


def test_holes_below_the_limit_are_filled():
    mask = np.ones((20, 20), dtype=bool)
    mask[2:4, 2:4] = mask[8:11, 8:11] = mask[15, 15] = False
    shapes = polygons_of(mask)
    ground = Ground('map.tif', Affine.scale(0.5), None)  # a pixel is a quarter of a square metre
    for limit, left in ((0.25, 3), (0.26, 2), (1.0, 2), (1.1, 1), (2.25, 1), (3, 0)):
        (found,) = without_small_holes(shapes, ground, limit)
        assert len(found.interiors) == left
    assert found.equals(shapely.box(0, 0, 20, 20))


def band_area(south, north, degrees):
    """Area of the WGS84 ellipsoid between two latitudes, over some degrees of longitude, in closed form."""

    def q(latitude):
        x = E * np.sin(np.radians(latitude))
        return np.sin(np.radians(latitude)) / (1 - x**2) + np.arctanh(x) / E

    return np.radians(degrees) * A**2 * (1 - E**2) / 2 * (q(north) - q(south))


@pytest.mark.parametrize('latitude', [-60.0, 0.3, 47.0])
@pytest.mark.parametrize('step', [1e-6, 1e-4, 1e-2])
def test_areas_in_degrees_are_those_of_the_ellipsoid(tmp_path, latitude, step):
    write_map(tmp_path / 'a.tif', np.ones((50, 80)), 'EPSG:4326', Affine(step, 0, 32, 0, -step, latitude))
    ground, note = ground_of(probe_raster(str(tmp_path / 'a.tif')))
    shapes = np.array([shapely.box(0, 0, 80, 50), shapely.box(70, 40, 73, 42)])
    wanted = [
        band_area(latitude - 50 * step, latitude, 80 * step),
        band_area(latitude - 42 * step, latitude - 40 * step, 3 * step),
    ]
    np.testing.assert_allclose(ground.areas(shapes), wanted, rtol=1e-4)
    assert note is None
    on_map = ground.to_map(shapes)
    back = ground.from_metres(ground.to_metres(on_map))
    assert shapely.hausdorff_distance(back[1], on_map[1]) < 1e-4 * step


def test_areas_in_web_mercator_are_those_on_the_ground(tmp_path):
    write_map(tmp_path / 'a.tif', np.ones((50, 80)), 'EPSG:3857', Affine(2, 0, 1e6, 0, -2, 8399737.9))  # 60 degrees
    ground, _ = ground_of(probe_raster(str(tmp_path / 'a.tif')))
    (area,) = ground.areas(np.array([shapely.box(0, 0, 80, 50)]))
    # The scale of the map is 1 / cos(latitude) on a sphere; the ellipsoid changes it by less than half a percent.
    assert area == pytest.approx(80 * 50 * 4 * np.cos(np.radians(60)) ** 2, rel=0.01)


@pytest.mark.parametrize(
    'crs, corner, metres', [('EPSG:32636', (450000, 40000), 1), ('EPSG:2263', (980000, 200000), 1200 / 3937)]
)
def test_areas_in_a_projection_are_those_of_its_plane(tmp_path, crs, corner, metres):
    transform = Affine(0.5, 0.1, corner[0], 0.2, -0.4, corner[1])
    write_map(tmp_path / 'a.tif', np.ones((5, 8)), crs, transform)
    ground, _ = ground_of(probe_raster(str(tmp_path / 'a.tif')))
    (area,) = ground.areas(np.array([shapely.box(1, 1, 4, 3)]))
    assert area == pytest.approx(6 * (0.5 * 0.4 + 0.1 * 0.2) * metres**2)
    (plane,) = ground.to_metres(ground.to_map(np.array([shapely.box(1, 1, 4, 3)])))
    assert plane.area == pytest.approx(area, rel=1e-6)


def test_a_map_in_metres_that_claims_degrees_is_refused(tmp_path):
    write_map(tmp_path / 'a.tif', np.ones((5, 8)), 'EPSG:4326', Affine(0.5, 0, 450000, 0, -0.5, 40000))
    with pytest.raises(UserError, match='a.tif lies outside the area of its coordinate reference system EPSG:4326'):
        ground_of(probe_raster(str(tmp_path / 'a.tif')))
