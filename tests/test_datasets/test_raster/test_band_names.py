"""Bands are chosen by the names that files give them, whatever their order."""

import numpy as np
import pytest
import rasterio
import torch
from mmengine.config import Config
from rasterio.enums import ColorInterp

from mmuda.apis.window_pipeline import WindowPipeline
from mmuda.datasets import RasterDataset
from mmuda.datasets.raster.bands import check_bands
from mmuda.datasets.raster.reading import close_rasters, probe_raster
from mmuda.datasets.raster.valid import image_bands
from mmuda.datasets.transforms import LoadRasterWindow
from mmuda.utils.errors import UserError

ORDERS = dict(a=('Red', 'green', 'blue', 'Near-Infrared'), b=('SWIR 1', 'nir', 'B', 'g', 'r'))
NAMED = ('red', 'green', 'blue', 'nir')


@pytest.fixture
def folder(tmp_path, write_raster):
    """Two rasters of the same ground, whose bands stand in different orders; each value tells its band."""
    close_rasters()
    value = dict(red=10, green=20, blue=30, nir=40, swir=50)
    short = dict(zip(('r', 'g', 'b', 'near-infrared', 'swir 1'), value, strict=True))
    for name, order in ORDERS.items():
        bands = [value[short.get(band.lower(), band.lower())] for band in order]
        path = write_raster(tmp_path / f'{name}.tif', np.tile(np.array(bands, np.uint8), (16, 16, 1)), gsd=1.0)
        with rasterio.open(path, 'r+') as raster:
            raster.descriptions = order
    yield tmp_path
    close_rasters()


def dataset(folder, bands, **settings):
    return RasterDataset(bands=bands, data_root=str(folder), pipeline=[LoadRasterWindow()], **settings)


@pytest.mark.parametrize('bands', [NAMED, ('Red', 'G', 'blue', 'infrared'), ('nir', 'red')])
def test_each_file_is_read_in_the_order_asked_for(folder, bands):
    values = dict(red=10, green=20, blue=30, nir=40, g=20, infrared=40)
    for item in dataset(folder, bands):
        assert item['img'][0, 0].tolist() == [values[band.lower()] for band in bands]


def test_names_and_numbers_may_stand_together(folder):
    assert image_bands(str(folder / 'b.tif'), check_bands(('r', 1), 'x')) == (5, 1)


@pytest.mark.parametrize('bands, line', [
    (('red', 'swir 1'), r"a.tif has no band called 'swir 1' .* its bands are 1 \(red\), 2 \(green\), 3 \(blue\)"),
    (('red', 0), r"counts from 0.*bands=\('red', 1\)"),
    (('red', 1.5), 'must be names, or whole numbers'),
    (('red', True), 'must be names, or whole numbers'),
    ('red', 'is no list of bands'),
])  # fmt: skip
def test_what_cannot_be_read_is_refused(folder, bands, line):
    with pytest.raises(UserError, match=line):
        dataset(folder, bands).full_init()


def test_a_name_that_two_bands_have_is_refused(folder):
    with rasterio.open(folder / 'a.tif', 'r+') as raster:
        raster.colorinterp = [ColorInterp.undefined] * 4
        raster.descriptions = ('red', 'red', 'blue', 'nir')
    close_rasters()
    with pytest.raises(UserError, match="a.tif has 2 bands called 'red'"):
        dataset(folder, NAMED).full_init()


def test_prediction_reads_a_raster_in_another_order(folder):
    steps = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
    config = Config(dict(test_dataloader=dict(dataset=dict(type='RasterDataset', bands=NAMED, pipeline=steps))))
    pipeline, read = WindowPipeline(config), []
    for name in 'ab':
        info = pipeline.resolved(probe_raster(str(folder / f'{name}.tif')))
        pipeline.check_raster(info, 16, 4)
        read.append(pipeline.of_window(info, (0, 0, 16, 16))['inputs'])
    assert torch.equal(*read) and read[0][:, 0, 0].tolist() == [10, 20, 30, 40]
