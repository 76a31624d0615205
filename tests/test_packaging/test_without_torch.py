"""A fresh environment with numpy, rasterio and onnxruntime makes the map of an exported file; it has no torch."""

import os
import shutil
import subprocess
import venv

import numpy as np
import pytest
import rasterio

from mmuda.apis import export_model, init_model, predict_rasters
from tests.helpers import ROOT
from tests.helpers.cards import build, written

NAMES = ('mmuda', 'configs', 'requirements', 'tools', 'setup.py', 'pyproject.toml')
ABSENT = ('torch', 'mmengine', 'mmcv', 'mmseg', 'scipy', 'matplotlib', 'kornia', 'rich')


@pytest.fixture(scope='module')
def python(tmp_path_factory):
    """The Python of an environment as docs/export.md says, and the checkout that was installed there."""
    folder = tmp_path_factory.mktemp('without_torch')
    checkout = folder / 'checkout'
    checkout.mkdir()
    for name in NAMES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    venv.create(folder / 'venv', with_pip=True)
    python = folder / 'venv/bin/python'
    for arguments in (['--no-deps', '.'], ['-r', 'requirements/onnx.txt']):
        run(python, '-m', 'pip', 'install', '--quiet', *arguments, cwd=checkout)
    return python, checkout


def run(python, *arguments, cwd, code=0):
    """Run Python without this environment's packages; what it writes."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(('PYTHON', 'VIRTUAL_ENV'))}
    done = subprocess.run([str(python), *map(str, arguments)], cwd=cwd, env=own, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(), str(raster.profile)


@pytest.mark.slow
def test_an_environment_without_torch_makes_the_same_map(python, tmp_path, write_raster):
    python, checkout = python
    image = np.random.default_rng(0).integers(100, 2500, (170, 230, 4)).astype(np.uint16)
    image[40:70, 100:150] = 0
    write_raster(tmp_path / 'images' / 'a.tif', image, gsd=0.25, nodata=0)
    checkpoint = written(tmp_path / 'model.pth', build())
    export_model(checkpoint, tmp_path / 'exported', ['onnx'], report=lambda line: None)
    given = dict(tile=96, probabilities='float32', report=lambda line: None)
    predict_rasters(init_model(checkpoint, device='cpu'), [tmp_path / 'images'], tmp_path / 'by_torch', **given)

    absent = run(python, '-c', f'import importlib.util as u; print([u.find_spec(n) for n in {ABSENT}])', cwd=tmp_path)
    assert set(absent.strip(' []\n').split(', ')) == {'None'}
    command = (checkout / 'tools/predict.py', tmp_path / 'exported/segmentor.onnx', tmp_path / 'images')
    options = ('--tile', 96, '--probabilities', 'float32')
    run(python, *command, *options, '--out', tmp_path / 'by_onnx', cwd=tmp_path)
    folders = [tmp_path / name for name in ('by_torch', 'by_onnx')]
    (theirs, profile), (ours, own_profile) = (read(folder / 'a_probabilities.tif') for folder in folders)
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    assert profile == own_profile
    (theirs, profile), (ours, own_profile) = (read(folder / 'a.tif') for folder in folders)
    assert profile == own_profile and (ours != theirs).mean() < 1e-3 and len(np.unique(ours)) > 2

    refused = run(python, *command, '--polygons', 'gpkg', '--out', tmp_path / 'polygons', cwd=tmp_path, code=2)
    assert refused.startswith('error: ') and 'pip install' in refused and not (tmp_path / 'polygons').exists()
