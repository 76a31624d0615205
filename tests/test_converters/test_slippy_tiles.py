"""Tiles of a web map and footprints become images and labels, compared with the map's formulas and GDAL by hand."""

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio import Affine
from rasterio.features import rasterize

from mmuda.converters import build_from_tiles
from mmuda.converters.slippy.grid import blocks_of
from mmuda.datasets import RasterDataset
from mmuda.utils.errors import UserError
from tests.helpers import ROOT

ZOOM, X, Y, SIDE = 19, 316432, 270601, 16  # south of the equator
RADIUS = 6378137.0
SPAN = 2 * math.pi * RADIUS / 2**ZOOM


def place(column, row):
    """Longitude and latitude of a point in pixels from the corner of tile (X, Y), by the formula of web maps."""
    x, y = X + column / SIDE, Y + row / SIDE
    latitude = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / 2**ZOOM))))
    return x / 2**ZOOM * 360 - 180, latitude


def ring(*corners):
    return [list(place(*corner)) for corner in (*corners, corners[0])]


def feature(shape, coordinates, **properties):
    return dict(type='Feature', properties=properties, geometry=dict(type=shape, coordinates=coordinates))


def geojson(path, *features, **more):
    path.write_text(json.dumps(dict(type='FeatureCollection', features=features, **more)))
    return path


@pytest.fixture
def scene():
    """A picture of three by two tiles."""
    return np.random.default_rng(0).integers(0, 256, (2 * SIDE, 3 * SIDE, 3), dtype=np.uint8)


@pytest.fixture
def tiles(tmp_path, scene):
    """A function that cuts the scene into tiles; ``name`` gives a tile's path from zoom, column and row."""

    def write(name='OAM-{x}-{y}-{z}.png', without=(), folder='tiles'):
        for row in range(2):
            for column in range(3):
                if (column, row) in without:
                    continue
                path = tmp_path / folder / name.format(x=X + column, y=Y + row, z=ZOOM, tms=2**ZOOM - 1 - Y - row)
                path.parent.mkdir(parents=True, exist_ok=True)
                part = scene[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
                Image.fromarray(part).save(path)
        return tmp_path / folder

    return write


def read(path):
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, -1), file.profile, file.dataset_mask()


SQUARE_WITH_HOLE = feature(
    'Polygon', [ring((3, 3), (29, 3), (29, 27), (3, 27)), ring((9, 8), (9, 14), (17, 14), (17, 8))]
)
TWO_PARTS = feature(
    'MultiPolygon',
    [
        [ring((33.2, 1.7), (44.1, 4.2), (38.6, 12.9))],
        [ring((31, 20), (40, 20), (40, 30)), ring((36, 22), (39, 22), (39, 26))],
    ],
)


# A polygon that is none: two different corners.
LINE = feature('Polygon', [ring((1, 1), (5, 5))])


def test_a_rectangle_of_tiles_is_one_raster_with_the_labels_of_its_footprints(tmp_path, tiles, scene):
    path = geojson(tmp_path / 'f.geojson', SQUARE_WITH_HOLE, feature('Point', place(1, 1)), TWO_PARTS, LINE)
    counts = build_from_tiles(tiles(), tmp_path / 'out', path)
    assert counts == {'tiles': 6, 'rasters': 1, 'footprints': 2, 'other features': 2}
    name = f'OAM_z{ZOOM}_x{X}_y{Y}.tif'
    image, profile, mask = read(tmp_path / 'out/images' / name)
    label, label_profile, _ = read(tmp_path / 'out/labels' / name)
    assert np.array_equal(image, scene) and (mask == 255).all()
    assert profile['crs'].to_epsg() == 3857 and profile['compress'] == 'deflate'
    corner = X * SPAN - math.pi * RADIUS, math.pi * RADIUS - Y * SPAN
    expected = Affine(SPAN / SIDE, 0, corner[0], 0, -SPAN / SIDE, corner[1])
    for one in (profile, label_profile):
        assert np.allclose(one['transform'], expected, rtol=0, atol=1e-7)
    # By hand: longitude and latitude to metres by the formula, then GDAL.
    shapes = []
    for one in (SQUARE_WITH_HOLE, TWO_PARTS):
        polygons = one['geometry']['coordinates']
        for polygon in [polygons] if one['geometry']['type'] == 'Polygon' else polygons:
            moved = [
                [
                    (RADIUS * math.radians(lon), RADIUS * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)))
                    for lon, lat in line
                ]
                for line in polygon
            ]
            shapes.append((dict(type='Polygon', coordinates=moved), 1))
    by_hand = rasterize(shapes, scene.shape[:2], transform=expected, dtype='uint8')
    assert np.array_equal(label[..., 0], by_hand)
    # And without GDAL, where pixels' centres tell it at once.
    assert label[10, 5, 0] == label[20, 20, 0] == 1 and label[10, 12, 0] == label[1, 1, 0] == label[28, 20, 0] == 0
    assert label[:, :30, 0].sum() == 26 * 24 - 8 * 6


def test_the_rasters_are_read_as_a_dataset(tmp_path, tiles):
    build_from_tiles(tiles(), tmp_path / 'out', geojson(tmp_path / 'f.geojson', SQUARE_WITH_HOLE))
    dataset = RasterDataset(
        data_root=str(tmp_path / 'out'),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]]),
        check_images='all',
        check_labels='all',
    )
    latitude = math.radians(place(24, 16)[1])
    assert dataset.rasters[0].gsd == pytest.approx(SPAN / SIDE * math.cos(latitude), rel=5e-3)


def test_gaps_divide_the_tiles_into_rectangles(tmp_path, tiles, scene):
    build_from_tiles(tiles(without=[(1, 1)]), tmp_path / 'out')
    found = sorted(path.name for path in (tmp_path / 'out/images').iterdir())
    assert found == [f'OAM_z19_x{X}_y{Y}.tif', f'OAM_z19_x{X}_y{Y + 1}.tif', f'OAM_z19_x{X + 2}_y{Y + 1}.tif']
    assert np.array_equal(read(tmp_path / 'out/images' / found[0])[0], scene[:SIDE])
    assert np.array_equal(read(tmp_path / 'out/images' / found[2])[0], scene[SIDE:, 2 * SIDE :])
    assert not (tmp_path / 'out/labels').exists()


@pytest.mark.parametrize('seed', range(5))
def test_blocks_hold_each_tile_once(seed):
    rng = np.random.default_rng(seed)
    places = {(int(x), int(y)) for x, y in np.argwhere(rng.random((9, 7)) < 0.6)}
    held = [one for block in blocks_of(places) for one in block.places()]
    assert len(held) == len(set(held)) and set(held) == places
    # No rectangle of tiles is larger than the largest block.
    sizes = [
        (x1 - x0) * (y1 - y0)
        for x0, x1 in itertools.combinations(range(10), 2)
        for y0, y1 in itertools.combinations(range(8), 2)
        if {(x, y) for x in range(x0, x1) for y in range(y0, y1)} <= places
    ]
    assert max(block.columns * block.rows for block in blocks_of(places)) == max(sizes)
    assert len(blocks_of([(x, y) for x in range(4) for y in range(3)])) == 1


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('{z}/{x}/{y}.png', {}),
        ('a/{z}_{x}_{y}.png', {}),
        ('{x}.{y}.{z}.png', {}),
        ('OAM-{x}-{tms}-{z}.png', dict(tms=True)),
        ('{z}/{x}/{tms}.png', dict(tms=True)),
    ],
)
def test_names_of_other_conventions(tmp_path, tiles, scene, name, options):
    build_from_tiles(tiles(name), tmp_path / 'out', **options)
    (path,) = (tmp_path / 'out/images').iterdir()
    image, profile, _ = read(path)
    assert np.array_equal(image, scene)
    assert profile['transform'].f == pytest.approx(math.pi * RADIUS - Y * SPAN, abs=1e-6)


def test_what_is_transparent_is_masked_and_ignored(tmp_path, scene):
    folder = tmp_path / 'tiles'
    folder.mkdir()
    opacity = np.full((SIDE, SIDE), 255, np.uint8)
    opacity[:5] = 0
    part = scene[:SIDE, :SIDE]
    Image.fromarray(np.dstack([part, opacity])).save(folder / f'a-{X}-{Y}-{ZOOM}.png')
    # Beside it one in grey, and one with a colour table whose first colour is transparent.
    Image.fromarray(part[..., 0]).save(folder / f'a-{X + 1}-{Y}-{ZOOM}.png')
    index = (np.arange(SIDE * SIDE) % 3).reshape(SIDE, SIDE).astype(np.uint8)
    table = Image.fromarray(index, mode='P')
    table.putpalette([9, 8, 7, 10, 20, 30, 200, 100, 50])
    table.save(folder / f'a-{X + 2}-{Y}-{ZOOM}.png', transparency=0)
    covering = feature('Polygon', [ring((-9, -9), (99, -9), (99, 99), (-9, 99))])
    build_from_tiles(folder, tmp_path / 'out', geojson(tmp_path / 'f.geojson', covering))
    (path,) = (tmp_path / 'out/images').iterdir()
    image, profile, mask = read(path)
    label, _, _ = read(tmp_path / 'out/labels' / path.name)
    valid = np.hstack([opacity > 0, np.ones((SIDE, SIDE), bool), index > 0])
    assert profile['count'] == 3 and np.array_equal(mask > 0, valid)
    assert np.array_equal(label[..., 0], np.where(valid, 1, 255))
    assert np.array_equal(image[:, :SIDE], part)
    assert np.array_equal(image[:, SIDE : 2 * SIDE], np.repeat(part[..., :1], 3, -1))
    colours = np.array([[9, 8, 7], [10, 20, 30], [200, 100, 50]], np.uint8)[index]
    assert np.array_equal(image[:, 2 * SIDE :][index > 0], colours[index > 0])


def test_an_attribute_says_the_class(tmp_path, tiles):
    path = geojson(
        tmp_path / 'f.geojson',
        feature('Polygon', [ring((0, 0), (10, 0), (10, 10), (0, 10))], building='house'),
        feature('Polygon', [ring((20, 0), (30, 0), (30, 10), (20, 10))], building=None),
        feature('Polygon', [ring((5, 0), (15, 0), (15, 10), (5, 10))], building='hut'),
    )
    with pytest.raises(UserError, match=r"values without a class: '', 'hut'; name them in --classes"):
        build_from_tiles(tiles(), tmp_path / 'out', path, 'building', dict(house=1))
    assert not (tmp_path / 'out').exists()
    build_from_tiles(tiles(), tmp_path / 'out', path, 'building', {'house': 1, 'hut': 2, '*': 255})
    label = read(tmp_path / f'out/labels/OAM_z19_x{X}_y{Y}.tif')[0][..., 0]
    row = [1] * 5 + [2] * 10 + [0] * 5 + [255] * 10 + [0] * 18  # the later footprint lies above
    assert label[4].tolist() == row and not label[10:].any()


def test_rows_counted_the_wrong_way_are_noticed(tmp_path, tiles):
    path = geojson(tmp_path / 'f.geojson', SQUARE_WITH_HOLE)
    with pytest.raises(UserError, match='count from south: give --tms'):
        build_from_tiles(tiles('OAM-{x}-{tms}-{z}.png'), tmp_path / 'out', path)
    with pytest.raises(UserError, match='leave out --tms'):
        build_from_tiles(tiles(folder='xyz'), tmp_path / 'out', path, tms=True)
    away = geojson(tmp_path / 'away.geojson', feature('Polygon', [[[1, 1], [2, 1], [2, 2], [1, 1]]]))
    with pytest.raises(UserError, match='they are of another place'):
        build_from_tiles(tmp_path / 'xyz', tmp_path / 'out', away)
    assert not (tmp_path / 'out').exists()


def test_bad_tiles_and_footprints_are_refused_before_anything_is_written(tmp_path, tiles):
    folder, out = tiles(), tmp_path / 'out'
    for content, match in (
        ('{', 'is no GeoJSON'),
        ('[]', 'is no GeoJSON of features'),
        ('{"type": "FeatureCollection", "features": []}', 'no Polygon or MultiPolygon'),
    ):
        (tmp_path / 'bad.geojson').write_text(content)
        with pytest.raises(UserError, match=match):
            build_from_tiles(folder, out, tmp_path / 'bad.geojson')
    metres = feature('Polygon', [[[4e6, 0], [4e6, 9], [4e6 + 9, 9], [4e6, 0]]])
    with pytest.raises(UserError, match='beyond 180 and 90 degrees'):
        build_from_tiles(folder, out, geojson(tmp_path / 'm.geojson', metres))
    crs = dict(type='name', properties=dict(name='urn:ogc:def:crs:EPSG::3857'))
    with pytest.raises(UserError, match='EPSG::3857; write it in longitude'):
        build_from_tiles(folder, out, geojson(tmp_path / 'c.geojson', SQUARE_WITH_HOLE, crs=crs))
    (tmp_path / 'none').mkdir()
    with pytest.raises(UserError, match='holds no tiles'):
        build_from_tiles(tmp_path / 'none', out)
    Image.new('RGB', (SIDE, SIDE)).save(tmp_path / 'none' / 'a-1-1-1.png')
    with pytest.raises(UserError, match='and both fits all files; give --order'):
        build_from_tiles(tmp_path / 'none', out)
    Image.new('RGB', (8, 8)).save(folder / f'OAM-{X + 9}-{Y}-{ZOOM}.png')
    with pytest.raises(UserError, match=r'8 px, 3 bands of uint8\) does not fit'):
        build_from_tiles(folder, out)
    (folder / f'OAM-{X + 9}-{Y}-{ZOOM}.png').unlink()
    tile = folder / f'OAM-{X}-{Y}-{ZOOM}.png'
    tile.write_bytes(tile.read_bytes()[:-30])
    with pytest.raises(UserError, match=f'{tile.name} is damaged or cut short'):
        build_from_tiles(folder, out)
    assert not out.exists()


def test_several_zooms_and_twins_are_refused(tmp_path, tiles):
    folder = tiles()
    (folder / 'b').mkdir()
    Image.new('RGB', (SIDE, SIDE)).save(folder / 'b' / f'OAM-{X}-{Y}-{ZOOM}.png')
    with pytest.raises(UserError, match='are the same tile'):
        build_from_tiles(folder, tmp_path / 'out')
    (folder / 'b' / f'OAM-{X}-{Y}-{ZOOM}.png').rename(folder / f'OAM-{X // 2}-{Y // 2}-{ZOOM - 1}.png')
    with pytest.raises(UserError, match='of the zooms 18, 19; choose one with --zoom'):
        build_from_tiles(folder, tmp_path / 'out')
    assert build_from_tiles(folder, tmp_path / 'out', zoom=18) == dict(tiles=1, rasters=1)
    with pytest.raises(UserError, match='1 rasters that are not of these tiles'):
        build_from_tiles(folder, tmp_path / 'out', zoom=19)


def test_the_tool_says_what_it_wrote(tmp_path, tiles):
    path = geojson(tmp_path / 'f.geojson', feature('Polygon', SQUARE_WITH_HOLE['geometry']['coordinates'], kind='a=b'))
    tool = [sys.executable, ROOT / 'tools/dataset_converters/slippy_tiles.py', tiles(), '--out', tmp_path / 'out']
    done = subprocess.run(
        [*tool, '--footprints', path, '--attribute', 'kind', '--classes', 'a=b=3'], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b'6 tiles, 1 rasters, 1 footprints, 0 other features' in done.stdout
    label = read(tmp_path / f'out/labels/OAM_z19_x{X}_y{Y}.tif')[0]
    assert set(np.unique(label)) == {0, 3}
