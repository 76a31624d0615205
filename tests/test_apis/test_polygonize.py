"""Class maps as GeoPackage, GeoJSON and FlatGeobuf: what is in the file."""

import json
import os
import subprocess
import sys

import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.features
import shapely
from rasterio import Affine
from rasterio.warp import transform_geom
from scipy import ndimage

from mmuda.apis import UserError
from mmuda.maps.polygons import polygonizing
from tests.helpers import ROOT
from tests.helpers.maps import UTM, read, run, scene, write_map

TURNED = dict(crs='EPSG:32636', transform=Affine(0.4, 0.2, 450000, 0.1, -0.5, 40000))
NAMES = ('Background', 'building', 'road &amp; rail')
SUFFIXES = ('.gpkg', '.geojson', '.json', '.fgb')


@pytest.fixture
def written(tmp_path):
    """A map with names, and its values."""
    return write_map(
        tmp_path / 'map.tif', scene(), nodata=255, names=('Background', 'building', 'road &amp; rail'), **UTM
    )


def burnt(shapes, values, transform, shape):
    pairs = zip(shapes, values.tolist(), strict=True)
    return rasterio.features.rasterize(pairs, shape, transform=transform, fill=255, dtype='uint8')


@pytest.mark.parametrize('suffix', SUFFIXES)
@pytest.mark.parametrize('place', [UTM, TURNED], ids=['north up', 'rotated and sheared'])
def test_the_file_holds_the_map(tmp_path, suffix, place, monkeypatch):
    monkeypatch.setattr(polygonizing, '_BATCH', 5)  # many batches
    path, out = write_map(tmp_path / 'map.tif', scene(), nodata=255, **place), tmp_path / 'new' / f'map{suffix}'
    counts, _ = run(path, out, ['0=ground', '1=building', '2=road'], strip=16)
    shapes, fields, crs = read(out)
    back = shapes
    if 'json' in suffix:
        assert crs == 'EPSG:4326'
        assert 32 < shapely.bounds(shapes)[:, 0].min() < 33 and 0 < shapely.bounds(shapes)[:, 1].min() < 1
        back = [transform_geom('EPSG:4326', place['crs'], shape.__geo_interface__) for shape in shapes]
    else:
        assert crs == place['crs']
    np.testing.assert_array_equal(burnt(back, fields['value'], place['transform'], scene().shape), scene())
    assert shapely.is_valid(shapes).all()
    named = dict(zip(fields['value'].tolist(), fields['class'].tolist(), strict=True))
    assert named == {0: 'ground', 1: 'building', 2: 'road'}
    pixel = abs(place['transform'].determinant)
    for value, name in named.items():
        chosen = fields['value'] == value
        assert counts[name] == chosen.sum() == ndimage.label(scene() == value)[1]
        assert fields['area_m2'][chosen].sum() == pytest.approx((scene() == value).sum() * pixel, rel=1e-9)
    assert os.listdir(out.parent) == [out.name]


@pytest.mark.parametrize('options', [{}, dict(min_hole=0.5, min_area=0.3, simplify=0.4), dict(regularise=True)])
def test_the_file_does_not_depend_on_the_strips(written, tmp_path, options):
    found = []
    for strip in (1, 13, 1024):
        run(written, tmp_path / 'a.gpkg', strip=strip, **options)
        shapes, fields, _ = read(tmp_path / 'a.gpkg')
        texts = shapely.to_wkt(shapely.normalize(shapes))
        found.append(sorted(zip(texts, *fields.values(), strict=True)))
    assert found[0] == found[1] == found[2]


def test_classes_are_named_by_the_map_and_its_background_is_left_out(written, tmp_path):
    counts, lines = run(written, tmp_path / 'a.gpkg')
    assert set(counts) == {'building', 'road & rail'} == set(read(tmp_path / 'a.gpkg')[1]['class'])
    assert lines[0] == 'left out: Background (0); name it among the classes to have it too'
    assert f'{sum(counts.values())} polygons' in lines[-1]
    assert set(run(written, tmp_path / 'a.gpkg', ['background', 2])[0]) == {'Background', 'road & rail'}


def test_without_names_a_class_is_its_number(tmp_path):
    path = write_map(tmp_path / 'map.tif', scene(), nodata=255, **UTM)
    assert set(run(path, tmp_path / 'a.gpkg')[0]) == {'0', '1', '2'}
    assert set(run(path, tmp_path / 'a.gpkg', ['1'])[0]) == {'1'}


@pytest.mark.parametrize('dtype', ['int8', 'int16', 'uint16', 'int32'])
def test_other_whole_numbers(tmp_path, dtype):
    values = scene().astype(np.int16)
    values[values == 255] = -1
    values = np.where(values < 0, 100, values * 30).astype(dtype)
    path = write_map(tmp_path / 'map.tif', values, nodata=100, **UTM)
    run(path, tmp_path / 'a.gpkg')
    shapes, fields, _ = read(tmp_path / 'a.gpkg')
    np.testing.assert_array_equal(
        burnt(shapes, fields['value'], UTM['transform'], values.shape), np.where(values == 100, 255, values.astype(int))
    )


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_the_mean_confidence(written, tmp_path, suffix):
    percent = np.random.default_rng(1).integers(0, 101, scene().shape).astype(np.uint8)
    percent[scene() == 255] = 255
    percent[ndimage.label(scene() == 2)[0] == 1] = 255  # a polygon without a value
    path = write_map(tmp_path / 'sure.tif', percent, nodata=255, **UTM)
    with rasterio.open(path, 'r+') as raster:
        raster.scales = (0.01,)
    run(written, tmp_path / f'a{suffix}', ['2'], confidence=path, strip=10)
    shapes, fields, _ = read(tmp_path / f'a{suffix}')
    labels, number = ndimage.label(scene() == 2)
    wanted = [percent[labels == index].mean() / 100 for index in range(1, number + 1)]
    wanted = sorted(round(mean, 4) for mean in wanted if mean < 2)
    known = fields['confidence'][~np.isnan(fields['confidence'])]
    assert len(fields['confidence']) == number and len(known) == number - 1
    np.testing.assert_allclose(np.sort(known), wanted, atol=1.1e-4)


def test_small_regions_and_holes(written, tmp_path):
    everything = run(written, tmp_path / 'a.gpkg')[0]
    areas = np.sort(read(tmp_path / 'a.gpkg')[1]['area_m2'])
    limit = float(areas[len(areas) // 2])
    counts, lines = run(written, tmp_path / 'a.gpkg', min_area=limit)
    assert sum(counts.values()) == (areas >= limit * (1 - 1e-9)).sum() < sum(everything.values())
    assert f'{(areas < limit * (1 - 1e-9)).sum()} regions below {limit:g} m2 left out' in lines[-1]
    run(written, tmp_path / 'a.gpkg', min_hole=1e9)
    assert shapely.get_num_interior_rings(read(tmp_path / 'a.gpkg')[0]).sum() == 0


@pytest.mark.parametrize('suffix', SUFFIXES)
@pytest.mark.parametrize('options', [dict(simplify=0.5), dict(regularise=True), dict(simplify=0.5, regularise=True)])
@pytest.mark.parametrize('crs', ['EPSG:32636', 'EPSG:4326'])
def test_redrawn_outlines_are_valid_and_near(tmp_path, suffix, options, crs):
    degree = 0.3 / 111_000
    place = UTM if crs != 'EPSG:4326' else dict(crs=crs, transform=Affine(degree, 0, 32, 0, -degree, 0.3))
    path = write_map(tmp_path / 'map.tif', scene(3), nodata=255, **place)
    run(path, tmp_path / f'raw{suffix}', [1])
    run(path, tmp_path / f'new{suffix}', [1], **options)
    (raw, old, _), (new, fields, _) = read(tmp_path / f'raw{suffix}'), read(tmp_path / f'new{suffix}')
    assert shapely.is_valid(new).all() and len(new) == len(raw)
    assert shapely.get_num_coordinates(new).sum() < shapely.get_num_coordinates(raw).sum()
    assert fields['area_m2'].sum() == pytest.approx(old['area_m2'].sum(), rel=0.1)
    assert shapely.area(shapely.intersection(raw, new)).sum() > 0.8 * shapely.area(raw).sum()


@pytest.mark.parametrize('transform', [UTM['transform'], Affine(0.3, 0, 450000, 0, 0.3, 40000)], ids=['north', 'south'])
@pytest.mark.parametrize('regularise', [False, True])
def test_geojson_is_rfc_7946(tmp_path, transform, regularise):
    path = write_map(tmp_path / 'map.tif', scene(), nodata=255, crs=UTM['crs'], transform=transform)
    run(path, tmp_path / 'a.geojson', regularise=regularise)
    content = json.loads((tmp_path / 'a.geojson').read_text(encoding='utf-8'))
    assert content['type'] == 'FeatureCollection' and 'crs' not in content
    for feature in content['features']:
        outer, *holes = feature['geometry']['coordinates']
        assert shapely.LinearRing(outer).is_ccw and not any(shapely.LinearRing(hole).is_ccw for hole in holes)
        assert set(feature['properties']) == {'class', 'value', 'area_m2'}


def test_long_sides_are_straight_in_the_map_and_not_in_degrees(tmp_path):
    """A side of 200 km at 60 degrees north is off by a kilometre between its ends, and the hole a pixel away is not."""
    values = np.zeros((6, 20000), dtype=np.uint8)
    values[1, 9990:10010] = 1
    transform = Affine(10, 0, 400000, 0, -10, 6650000)
    path = write_map(tmp_path / 'map.tif', values, crs='EPSG:32636', transform=transform)
    run(path, tmp_path / 'a.geojson')
    shapes, fields, _ = read(tmp_path / 'a.geojson')
    assert shapely.is_valid(shapes).all()
    back = [transform_geom('EPSG:4326', 'EPSG:32636', shape.__geo_interface__) for shape in shapes]
    np.testing.assert_array_equal(burnt(back, fields['value'], transform, values.shape), values)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_a_map_without_any_region_gives_an_empty_file(tmp_path, suffix):
    path = write_map(tmp_path / 'map.tif', np.full((4, 5), 255, np.uint8), nodata=255, **UTM)
    counts, lines = run(path, tmp_path / f'a{suffix}')
    assert counts == {} and '0 polygons (none)' in lines[-1]
    assert pyogrio.read_info(tmp_path / f'a{suffix}', force_feature_count=True)['features'] == 0


def test_a_map_without_a_place(tmp_path):
    values = scene()
    placed = write_map(tmp_path / 'placed.tif', values, nodata=255, transform=UTM['transform'])
    nowhere = write_map(tmp_path / 'nowhere.tif', values, nodata=255)
    for path, transform, told in (
        (placed, UTM['transform'], 'names no coordinate reference system'),
        (nowhere, Affine.identity(), 'has no georeference: coordinates are columns and rows'),
    ):
        _, lines = run(path, tmp_path / 'a.gpkg')
        assert told in lines[0]
        shapes, fields, _ = read(tmp_path / 'a.gpkg')
        np.testing.assert_array_equal(burnt(shapes, fields['value'], transform, values.shape), values)
        with pytest.raises(UserError, match='a.geojson cannot be written: GeoJSON is in longitude and latitude'):
            run(path, tmp_path / 'a.geojson')


def test_the_tool(written, tmp_path):
    out = tmp_path / 'a.gpkg'
    command = [sys.executable, str(ROOT / 'tools' / 'polygonize.py'), written, '--out', str(out)]
    options = ['--classes', 'building', '--min-area', '1', '--simplify', '0.3', '--regularise', '--min-hole', '0.5']
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0 and 'polygons (' in done.stdout, done.stderr
    done = subprocess.run([*command, '--classes', 'water'], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith(f"error: {written} has no class 'water'")
