"""Mean and deviation of a domain are those of its pixels with data, and are kept until a file changes."""

import numpy as np
import pytest

from mmuda.datasets import RasterDataset, band_statistics
from mmuda.datasets.transforms import LoadRasterWindow
from mmuda.utils.errors import UserError

statistics = band_statistics.band_statistics


@pytest.fixture
def folder(tmp_path, write_raster):
    rng = np.random.default_rng(0)
    for name, side in (('a', 40), ('b', 40)):
        image = rng.integers(1, 2000, (side, side, 4)).astype(np.uint16)
        image[:7] = 0
        write_raster(tmp_path / f'{name}.tif', image, gsd=1.0, nodata=0)
    return tmp_path


def dataset(folder, **settings):
    settings = dict(bands=(1, 2, 3, 4), value_range=(0, 1000), tile=20) | settings
    one = RasterDataset(data_root=str(folder), pipeline=[LoadRasterWindow()], **settings)
    one.full_init()
    return one


def by_hand(folder, bands, low, high):
    import rasterio

    pixels = []
    for name in 'ab':
        with rasterio.open(folder / f'{name}.tif') as raster:
            image = raster.read().reshape(raster.count, -1)
            pixels.append(image[:, (image != 0).any(axis=0)][[band - 1 for band in bands]])
    values = ((np.concatenate(pixels, axis=1).astype(float) - low) / (high - low) * 255).clip(0, 255)
    return values.mean(axis=1), values.std(axis=1)


@pytest.mark.parametrize('bands, value_range', [((1, 2, 3, 4), (0, 1000)), ((4, 2), (500, 3000))])
def test_they_are_those_of_all_pixels_with_data(folder, bands, value_range):
    found = statistics([dataset(folder, bands=bands, value_range=value_range)])
    for ours, plain in zip(found, by_hand(folder, bands, *value_range), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3)


def test_several_datasets_count_as_one_domain(folder):
    parts = [dataset(folder, name_prefix=name) for name in 'ab']
    assert statistics(parts) == statistics([dataset(folder)])


def test_they_are_kept_until_a_file_changes(folder, monkeypatch, write_raster):
    first, measured, measure = statistics([dataset(folder)]), [], band_statistics._measure
    monkeypatch.setattr(band_statistics, '_measure', lambda *args: measured.append(1) or measure(*args))
    assert statistics([dataset(folder)]) == first and not measured
    assert statistics([dataset(folder, value_range=(0, 500))]) != first and len(measured) == 1
    write_raster(folder / 'b.tif', np.full((40, 40, 4), 999, np.uint16), gsd=1.0, nodata=0)
    assert statistics([dataset(folder)]) != first and len(measured) == 2


def test_a_domain_without_data_is_named(folder, write_raster):
    for name in 'ab':
        write_raster(folder / f'{name}.tif', np.zeros((40, 40, 4), np.uint16), gsd=1.0, nodata=0)
    with pytest.raises(UserError, match='a.tif and the others hold no data in 8 sampled windows'):
        statistics([dataset(folder)])
