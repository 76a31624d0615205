"""QGIS itself reads maps and polygons back as they were meant."""

import json
import subprocess
from functools import cache

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import torch

from mmuda.apis import init_model, predict_raster
from tests.helpers import ROOT
from tests.helpers.pixelwise import config

NAMES = ('road', 'house & home', 'Bäume')
PALETTE = [[90, 90, 90], [255, 0, 0], [0, 255, 0]]
PYTHON = '/usr/bin/python3'
ALONE = dict(PATH='/usr/bin:/bin', QT_QPA_PLATFORM='offscreen', HOME='/tmp')


@cache
def has_qgis() -> bool:
    """Whether the system's Python has QGIS."""
    try:
        return subprocess.run([PYTHON, '-c', 'import qgis.core'], env=ALONE, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def needs_qgis():
    if not has_qgis():
        pytest.skip('QGIS is not installed')


def by_qgis(*paths) -> list[dict]:
    """What QGIS makes of the files, in a process without this environment."""
    command = [PYTHON, str(ROOT / 'tests/helpers/qgis_reader.py'), *map(str, paths)]
    done = subprocess.run(command, env=ALONE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1])['files'].values())


@pytest.fixture
def maps(write, tmp_path, _identity_backbone):
    """Maps of a scene with pixels without data, beside them polygons of three kinds."""
    torch.manual_seed(0)
    head = dict(type='ConvHead', in_channels=3, num_classes=3, kernel_size=9)
    segmentor = dict(type='EncoderDecoder', backbone=dict(type='IdentityBackbone'), decode_head=head,
                     test_cfg=dict(mode='whole'))  # fmt: skip
    model = init_model(config(segmentor=segmentor), device='cpu')
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.1)
    model.dataset_meta = dict(classes=NAMES, palette=PALETTE)
    image = np.random.default_rng(0).integers(1, 256, (60, 70, 3)).astype(np.uint8)
    image[:9, :20] = 0
    path, found = write(image, nodata=0), {}
    for kind in ('gpkg', 'geojson', 'fgb'):
        out = tmp_path / kind / 'map.tif'
        options = dict(confidence='uint8', probabilities='float32', polygons=kind)
        predict_raster(model, path, out, tile=64, **options)
        found[kind] = out.parent
    return found


def test_qgis_shows_classes_with_their_colours_and_names(needs_qgis, maps):
    folder = maps['gpkg']
    names = ('map.tif', 'map_confidence.tif', 'map_probabilities.tif')
    label, confidence, prob = by_qgis(*(folder / name for name in names))
    with rasterio.open(folder / 'map.tif') as raster:
        values, bounds, crs = raster.read(1), raster.bounds, raster.crs.to_string()
    assert label['valid'] and label['crs'] == crs and label['renderer'] == 'QgsPalettedRasterRenderer'
    assert label['extent'] == pytest.approx(list(bounds)) and label['size'] == list(values.shape)
    expected = {str(n): [name, *rgb, 255] for n, (name, rgb) in enumerate(zip(NAMES, PALETTE, strict=True))}
    assert label['legend'] == expected
    assert label['nodata'] == 255
    read = np.array([[255 if value is None else value for value in row] for row in label['values']])
    np.testing.assert_array_equal(read, values)
    assert (read == 255).any() and len(np.unique(read)) == 4
    assert prob['bands'] == [f'Band {n}: {name}' for n, name in enumerate(NAMES, 1)]
    assert confidence['valid'] and confidence['nodata'] == 255 and confidence['scale'] == 0.01


@pytest.mark.parametrize('kind, crs', [('gpkg', 'EPSG:32633'), ('fgb', 'EPSG:32633'), ('geojson', 'OGC:CRS84')])
def test_qgis_reads_the_polygons(needs_qgis, maps, kind, crs):
    (path,) = maps[kind].glob(f'*.{kind}')
    (found,) = by_qgis(path)
    meta, _, shapes, columns = pyogrio.raw.read(path)
    assert found['valid'] and not found['wrong'] and len(found['areas']) == len(shapes) > 20
    assert found['crs'] in (crs, 'EPSG:4326' if kind == 'geojson' else crs)
    fields = meta['fields'].tolist()
    assert found['fields'][-len(fields) :] == fields
    place = found['fields'].index('class')
    names = [row[place] for row in found['attributes']]
    assert sorted(names) == sorted(columns[fields.index('class')].tolist()) and set(names) == set(NAMES)
    areas = shapely.area(shapely.from_wkb(shapes))
    np.testing.assert_allclose(sorted(found['areas']), sorted(areas), rtol=1e-6)
