"""Shared by all tests."""

import gc
import os
import warnings

import pytest
import rasterio
import torch
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from yapf.yapflib import yapf_api

# Workers and test processes share few cores; more threads than cores wait for each other.
torch.set_num_threads(1)
os.environ.setdefault('OMP_NUM_THREADS', '1')
# mmengine lays out the text of a config anew at each start and checkpoint, which was most of the time of short runs.
yapf_api.FormatCode = lambda text, *_, **__: (text, True)
# Files of tests need not survive a power cut; waiting for the disk was most of the time where many are written.
os.fsync = lambda descriptor: None


@pytest.fixture(scope='module', autouse=True)
def _little_garbage():
    """mmengine collects garbage for each file of a config, which takes a second where many objects are alive.

    Those of before a file of tests are taken out of the collector's sight.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch, tmp_path_factory):
    """Entry points set these for their process; a test must not set them for the next one."""
    for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'MMUDA_WEIGHTS_DIR', 'MMUDA_TRACEBACK'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    monkeypatch.setenv('MMUDA_CACHE_DIR', str(tmp_path_factory.getbasetemp() / 'cache'))


@pytest.fixture
def write_raster():
    """A function that writes an array (H, W) or (H, W, C) as a raster; ``gsd=None`` leaves the georeference out."""

    def write(path, array, gsd=None, crs='EPSG:32633', origin=(500000.0, 5000000.0), **profile):
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = array[..., None] if array.ndim == 2 else array
        profile = dict(driver='PNG' if path.suffix == '.png' else 'GTiff', dtype=array.dtype) | profile
        if gsd is not None:
            profile |= dict(crs=crs, transform=Affine(gsd, 0.0, origin[0], 0.0, -gsd, origin[1]))
        height, width, count = bands.shape
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', NotGeoreferencedWarning)
            raster = rasterio.open(path, 'w', height=height, width=width, count=count, **profile)
        with raster:
            raster.write(bands.transpose(2, 0, 1))
        return path

    return write
