"""The tiny run and small rasters as fixtures; ``tiny.py`` is found by name, also by processes that tests start."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mmuda.apis import load_config
from mmuda.datasets.raster.reading import close_rasters
from tests.helpers.tiny import CONFIG  # noqa: E402


@pytest.fixture
def tiny(tmp_path):
    """Loads the tiny config, with options as ``--cfg-options`` gives them."""
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG)

    def tiny(**options):
        return load_config(path, {key.replace('__', '.'): value for key, value in options.items()})

    return tiny


@pytest.fixture(scope='module')
def _identity_backbone():
    """The backbone of ``pixelwise.py``."""
    from mmengine.model import BaseModule

    from mmuda.registry import MODELS

    @MODELS.register_module(name='IdentityBackbone', force=True)
    class IdentityBackbone(BaseModule):
        def forward(self, x):
            return (x,)

    yield
    MODELS.module_dict.pop('IdentityBackbone')


@pytest.fixture
def write(tmp_path):
    """Writes an array (H, W, C) as a raster of 0.5 m a pixel below the temporary folder."""

    def write(image: np.ndarray, name='image.tif', **options) -> Path:
        close_rasters()
        height, width, count = image.shape
        profile = dict(driver='GTiff', height=height, width=width, count=count, dtype=image.dtype)
        profile |= dict(crs='EPSG:32633', transform=from_origin(100, 200, 0.5, 0.5)) | options
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(tmp_path / name, 'w', **profile) as raster:
            raster.write(image.transpose(2, 0, 1))
        return tmp_path / name

    return write


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (61, 83, 3)).astype(np.uint8)
