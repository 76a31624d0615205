"""Outlines of regions, traced strip by strip: valid, exact to a pixel, and the same however the map is cut."""

import numpy as np
import pytest
import rasterio.features
import shapely
from rasterio import Affine
from scipy import ndimage

from mmuda.datasets.raster.geometry import apply_transform
from mmuda.maps.polygons.regions import join
from mmuda.maps.polygons.tracing import Pieces, straightened, trace

NODATA = 9
STRIPS = (1, 2, 3, 7, 64)
SPIRAL = """
111111111
100000001
101111101
101000101
101011101
101000001
101111111
"""
U_SHAPES = """
10101
10101
11101
00001
11111
"""
TOUCHING = """
11110
10011
10101
11111
"""
DIAGONAL_HOLES = """
11111
10111
11011
11101
11111
"""
NESTED = """
1111111
1000001
1011101
1010101
1011101
1000001
1111111
"""


def drawn(text):
    return np.array([[int(sign) for sign in line] for line in text.split()], dtype=np.uint8)


def noise(seed):
    draw = np.random.default_rng(seed)
    shape = draw.integers(1, 40, 2)
    shares = [(0.4, 0.6), (0.5, 0.5), (0.3, 0.3, 0.4), (0.2, 0.3, 0.3, 0.2)][seed % 4]
    return draw.choice([0, 1, 2, NODATA][: len(shares)], shape, p=shares).astype(np.uint8)


def smooth(seed):
    """Large regions with holes and islands, which cross many strips."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random((70, 50)), 2)
    return np.digitize(field, np.quantile(field, [0.4, 0.7])).astype(np.uint8)


MAPS = {f'noise {seed}': noise(seed) for seed in range(24)} | {f'smooth {seed}': smooth(seed) for seed in range(4)}
MAPS |= {
    'spiral': drawn(SPIRAL), 'U shapes': drawn(U_SHAPES), 'touching': drawn(TOUCHING), 'nested': drawn(NESTED),
    'diagonal holes': drawn(DIAGONAL_HOLES), 'one pixel': np.ones((1, 1), np.uint8),
    'one row': drawn('1101001'), 'one column': drawn('1 1 0 1'), 'no data': np.full((4, 5), NODATA, np.uint8),
}  # fmt: skip
by_map = pytest.mark.parametrize('values', MAPS.values(), ids=MAPS)


def regions(values, rows, confidence=None):
    """All regions of a map that is read in strips of so many rows."""
    height, width = values.shape

    def strips():
        for top in range(0, height, rows):
            part = slice(top, min(top + rows, height))
            known = None if confidence is None else confidence[part]
            yield top, part.stop, trace(values[part], values[part] != NODATA, top, known)

    parts = list(join(strips(), width))
    columns = [(part.shapes, part.values, part.sums, part.counts) for part in parts]
    return Pieces(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def number_of_regions(values):
    """By scipy's labelling, whose default neighbours are the four that share a side."""
    return sum(ndimage.label(values == value)[1] for value in np.unique(values) if value != NODATA)


@by_map
def test_each_region_is_one_valid_polygon(values):
    found = regions(values, 3)
    assert len(found) == number_of_regions(values)
    assert shapely.is_valid(found.shapes).all()
    assert all(shape.geom_type == 'Polygon' for shape in found.shapes)


@by_map
def test_the_areas_of_a_class_are_its_pixels(values):
    found = regions(values, 5)
    for value in np.unique(values[values != NODATA]):
        assert shapely.area(found.shapes[found.values == value]).sum() == (values == value).sum()


@by_map
@pytest.mark.parametrize(
    'transform',
    [Affine.identity(), Affine(0.3, 0, 5e5, 0, -0.3, 4e6), Affine(0.4, 0.2, 5e5, 0.1, -0.5, 4e6)],
    ids=['pixels', 'north up', 'rotated and sheared'],
)
def test_burning_the_polygons_gives_the_map(values, transform):
    found = regions(values, 2)
    on_map = shapely.transform(found.shapes, lambda points: np.column_stack(apply_transform(transform, *points.T)))
    assert shapely.is_valid(on_map).all()
    burnt = np.full(values.shape, NODATA, dtype=np.uint8)
    for shape, value in zip(on_map, found.values.tolist(), strict=True):
        rasterio.features.rasterize([(shape, value)], out=burnt, transform=transform)
    np.testing.assert_array_equal(burnt, values)


@by_map
def test_the_polygons_do_not_depend_on_where_the_map_is_cut(values):
    wanted = None
    for rows in STRIPS:
        found = regions(values, rows)
        texts = sorted(zip(shapely.to_wkt(found.shapes), found.values.tolist(), strict=True))
        wanted = wanted or texts
        assert texts == wanted, rows


@by_map
@pytest.mark.parametrize('rows', [1, 4, 64])
def test_the_confidence_of_a_region_is_that_of_its_pixels(values, rows):
    draw = np.random.default_rng(0)
    confidence = draw.random(values.shape)
    confidence[draw.random(values.shape) < 0.1] = np.nan
    found = regions(values, rows, confidence)
    for shape, total, count in zip(found.shapes, found.sums, found.counts, strict=True):
        inside = rasterio.features.rasterize([shape], values.shape) == 1
        assert count == np.isfinite(confidence[inside]).sum()
        assert total == pytest.approx(np.nansum(confidence[inside]))


def test_corners_are_where_the_outline_turns():
    # Joined by hand, with points on straight sides, also at the ring's start.
    shape = shapely.Polygon([(1, 0), (2, 0), (2, 1), (2, 2), (0, 2), (0, 1), (0, 0), (1, 0)])
    (found,) = straightened(np.array([shape]))
    assert shapely.get_num_coordinates(found) == 5 and found.equals(shapely.box(0, 0, 2, 2))


def test_only_regions_at_the_border_are_kept():
    """A region is given out with the strip in which it ends."""
    values = np.zeros((9, 9), dtype=np.uint8)
    values[1:3, 1:3], values[2:8, 5:7], values[4, 1] = 1, 1, 1

    def strips():
        for top in range(0, 9, 3):
            seen.append(top)
            yield top, top + 3, trace(values[top : top + 3], values[top : top + 3] == 1, top)

    seen, ended = [], {}
    for pieces in join(strips(), 9):
        ended.update({tuple(shape.bounds): seen[-1] for shape in pieces.shapes})
    # The first reaches the border below row 2, so that the next strip has to tell that it ends there.
    assert ended == {(1, 1, 3, 3): 3, (5, 2, 7, 8): 6, (1, 4, 2, 5): 3}
