"""Class maps as GeoPackage, GeoJSON and FlatGeobuf: what is in the file, and what is told instead of one."""

import json
import os
import resource
import signal
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

from mmuda.apis import UserError, polygonize_map
from mmuda.maps.polygons import polygonizing
from tests.helpers import ROOT
from tests.helpers.maps import write_map

UTM = dict(crs='EPSG:32636', transform=Affine(0.3, 0, 450000, 0, -0.3, 40000))
TURNED = dict(crs='EPSG:32636', transform=Affine(0.4, 0.2, 450000, 0.1, -0.5, 40000))
NAMES = ('Background', 'building', 'road &amp; rail')
SUFFIXES = ('.gpkg', '.geojson', '.json', '.fgb')
FORMATS = ('.gpkg', '.geojson', '.fgb')


def scene(seed=0, height=90, width=70):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random((height, width)), 2)
    values = np.digitize(field, np.quantile(field, [0.5, 0.8])).astype(np.uint8)
    values[:5, :9] = 255
    return values


@pytest.fixture
def written(tmp_path):
    """A map with names, and its values."""
    return write_map(
        tmp_path / 'map.tif', scene(), nodata=255, names=('Background', 'building', 'road &amp; rail'), **UTM
    )


def run(*args, **options):
    lines = []
    return polygonize_map(*args, report=lines.append, **options), lines


def read(path):
    """Geometries, attributes by name and reference system of a file."""
    meta, _, shapes, columns = pyogrio.raw.read(path)
    return shapely.from_wkb(shapes), dict(zip(meta['fields'].tolist(), columns, strict=True)), meta['crs']


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


@pytest.mark.parametrize('suffix', FORMATS)
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


def wrong(folder):
    """What is asked for, and what is told."""
    good = write_map(folder / 'map.tif', scene(), nodata=255, **UTM)
    other = dict(UTM, transform=Affine(0.3, 0, 450001, 0, -0.3, 40000))
    with rasterio.open(folder / 'rgb.tif', 'w', driver='GTiff', height=4, width=4, count=3, dtype='uint8', **UTM):
        pass
    (folder / 'note.tif').write_text('no raster')
    gpkg = folder / 'a.gpkg'
    return {
        'missing': ((folder / 'none.tif', gpkg), {}, 'none.tif does not exist'),
        'no raster': ((folder / 'note.tif', gpkg), {}, 'note.tif cannot be read as a raster'),
        'bands': ((folder / 'rgb.tif', gpkg), {}, 'rgb.tif has 3 bands, but a map of classes has one'),
        'floats': (
            (write_map(folder / 'f.tif', scene().astype(np.float32), **UTM), gpkg), {}, 'f.tif holds float32, but a map'
        ),
        'suffix': ((good, folder / 'a.kml'), {}, 'a.kml: polygons are written as .gpkg, .geojson, .json, .fgb'),
        'class': ((good, gpkg, ['building']), {}, r"map.tif has no class 'building' \(it names none\)"),
        'area': ((good, gpkg), dict(min_area=-1), 'min_area is -1; give 0, or a number above it'),
        'nan': ((good, gpkg), dict(simplify=float('nan')), 'simplify is nan'),
        'strip': ((good, gpkg), dict(strip=0), 'strip is 0; give at least one row'),
        'folder': ((good, folder / 'dir.gpkg'), {}, 'dir.gpkg cannot be written: there is a folder of that name'),
        'below a file': ((good, folder / 'note.tif' / 'a.gpkg'), {}, 'a part of the path is a file|file where a'),
        'confidence size': (
            (good, gpkg), dict(confidence=write_map(folder / 'c.tif', np.ones((3, 4)), **UTM)), 'c.tif has 3 x 4 px'
        ),
        'confidence place': (
            (good, gpkg), dict(confidence=write_map(folder / 'd.tif', scene(), **other)), 'lie at different places'
        ),
    }  # fmt: skip


@pytest.mark.parametrize('case', ['missing', 'no raster', 'bands', 'floats', 'suffix', 'class', 'area', 'nan', 'strip',
                                  'folder', 'below a file', 'confidence size', 'confidence place'])  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(tmp_path, case):
    (tmp_path / 'dir.gpkg').mkdir()
    args, options, told = wrong(tmp_path)[case]
    before = set(os.listdir(tmp_path))
    with pytest.raises(UserError, match=told) as error:
        run(*args, **options)
    assert '\n' not in str(error.value)
    assert set(os.listdir(tmp_path)) == before


def test_an_input_is_not_replaced(written, tmp_path):
    (tmp_path / 'a.gpkg').symlink_to(written)
    with pytest.raises(UserError, match=r'a.gpkg is read as an input \(it is the same file as .*map.tif\)'):
        run(written, tmp_path / 'a.gpkg')


@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('size', [1000, 100_000])
def test_a_file_that_cannot_grow_leaves_the_older_one(tmp_path, suffix, size, monkeypatch):
    monkeypatch.setattr(polygonizing, '_BATCH', 50)
    path = write_map(tmp_path / 'map.tif', scene(0, 400, 400), nodata=255, **UTM)
    noisy = np.random.default_rng(0).integers(0, 3, (200, 200)).astype(np.uint8)
    big = write_map(tmp_path / 'big.tif', noisy, **UTM)
    out = tmp_path / 'out' / f'a{suffix}'
    run(path, out)
    before = out.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(UserError, match=f'a{suffix} cannot be written: ') as told:
            run(big, out)
        with pytest.raises(UserError, match=f'a{suffix} cannot be written: '):
            run(big, tmp_path / 'new' / 'below' / f'a{suffix}')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert '\n' not in str(told.value)
    assert out.read_bytes() == before and os.listdir(out.parent) == [out.name]
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize('suffix', FORMATS)
def test_a_full_disk_leaves_the_older_file(tmp_path, suffix):
    folder = tmp_path / 'full'
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', str(folder)], capture_output=True).returncode:
        pytest.skip('no small file system can be mounted here')
    try:
        small = write_map(tmp_path / 'small.tif', scene(0, 20, 20), nodata=255, **UTM)
        noisy = np.random.default_rng(0).integers(0, 3, (200, 200)).astype(np.uint8)
        run(small, folder / f'a{suffix}')
        before = (folder / f'a{suffix}').read_bytes()
        with pytest.raises(UserError, match=f'a{suffix} cannot be written: the disk is full'):
            run(write_map(tmp_path / 'big.tif', noisy, **UTM), folder / f'a{suffix}')
        assert (folder / f'a{suffix}').read_bytes() == before and os.listdir(folder) == [f'a{suffix}']
    finally:
        subprocess.run(['umount', str(folder)], check=True)


@pytest.mark.parametrize('suffix', FORMATS)
def test_a_killed_job_leaves_no_file_of_that_name(written, tmp_path, suffix):
    out = tmp_path / 'out' / f'a{suffix}'
    script = (
        'import os, signal, sys\n'
        'from mmuda.apis import polygonize_map\n'
        'from mmuda.maps.polygons import polygonizing\n'
        'polygonizing._BATCH = 3\n'
        'join = polygonizing.join\n'
        'def killed(strips, width):\n'
        '    for number, pieces in enumerate(join(strips, width)):\n'
        '        if number == 20: os.kill(os.getpid(), signal.SIGKILL)\n'
        '        yield pieces\n'
        'polygonizing.join = killed\n'
        f'polygonize_map({written!r}, {str(out)!r}, strip=5)\n'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists() and (suffix == '.fgb' or any(out.parent.iterdir()))
    run(written, out)  # over what is left
    assert os.listdir(out.parent) == [out.name] and len(read(out)[0])


def test_without_the_extra_it_says_what_to_install(written, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyogrio', None)
    with pytest.raises(
        UserError, match=r"a.gpkg is a vector file; writing it needs the extra `vector`: .*'\.\[vector\]'"
    ):
        run(written, tmp_path / 'a.gpkg')


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Regions that have ended are not kept: six times the rows, and little more memory at the peak."""
    tile = np.zeros((64, 2000), dtype=np.uint8)
    tile[4:60, ::2] = 1
    peaks = []
    for name, times in (('small', 40), ('large', 240)):
        path = write_map(tmp_path / f'{name}.tif', np.tile(tile, (times, 1)), compress='deflate', **UTM)
        script = (
            'import resource\n'
            'from mmuda.apis import polygonize_map\n'
            f'polygonize_map({path!r}, {str(tmp_path / "a.gpkg")!r}, [1], strip=64)\n'
            "print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
        )
        done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout.split('PEAK')[1]))
    assert peaks[1] < peaks[0] + 100  # if all polygons were kept, it would be 200
