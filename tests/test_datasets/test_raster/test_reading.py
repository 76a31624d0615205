import math
import os

import numpy as np
import pytest
import rasterio

from mmuda.datasets.raster import reading
from mmuda.datasets.raster.reading import open_raster, probe_raster, read_window


def test_read_window_reads_the_window_and_nothing_else(tmp_path, write_raster, coded_image, monkeypatch):
    path = str(write_raster(tmp_path / 'a.tif', coded_image(200, 100)))
    asked = []

    class Spy:
        def __init__(self, raster):
            self.raster = raster
            self.height, self.width = raster.height, raster.width

        def read(self, indexes, window):
            asked.append((window.row_off, window.col_off, window.height, window.width))
            return self.raster.read(indexes, window=window)

    handle = open_raster(path)
    monkeypatch.setattr(reading, 'open_raster', lambda _: Spy(handle))
    data = read_window(path, (150, 30, 20, 40), (2, 1))
    assert asked == [(150, 30, 20, 40)]
    rows, cols = np.mgrid[150:170, 30:70]
    np.testing.assert_array_equal(data, np.stack([cols, rows], -1))


@pytest.mark.parametrize('bands', [1, 2, 3, 4, 13, 130])
@pytest.mark.parametrize(
    'dtype', ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64', 'int64']
)
def test_read_window_keeps_every_value_of_every_type(tmp_path, write_raster, dtype, bands):
    random = np.random.default_rng(0)
    if dtype.startswith('float'):
        array = random.normal(0, 1e30, (40, 50, bands)).astype(dtype)
        array[3, 7], array[4, 7], array[5, 7] = np.nan, np.inf, -np.inf
    else:
        limits = np.iinfo(dtype)
        array = random.integers(limits.min, limits.max, (40, 50, bands), dtype=dtype, endpoint=True)
    data = read_window(str(write_raster(tmp_path / 'a.tif', array)), (2, 5, 30, 21), tuple(range(1, bands + 1)))
    assert data.dtype == array.dtype and data.flags.c_contiguous
    np.testing.assert_array_equal(data, array[2:32, 5:26].reshape(30, 21, bands))


def test_read_window_refuses_to_leave_the_raster(tmp_path, write_raster, coded_image):
    path = str(write_raster(tmp_path / 'a.tif', coded_image(20, 10)))
    with pytest.raises(ValueError, match=r'\(15, 0, 10, 5\) leaves the raster .*a\.tif of 20 x 10 px'):
        read_window(path, (15, 0, 10, 5))


def test_handles_are_few_and_belong_to_one_process(tmp_path, write_raster, coded_image, monkeypatch):
    monkeypatch.setattr(reading, 'MAX_OPEN_RASTERS', 2)
    reading.close_rasters()
    paths = [str(write_raster(tmp_path / f'{i}.tif', coded_image(8, 8))) for i in range(3)]
    first = open_raster(paths[0])
    assert open_raster(paths[0]) is first
    open_raster(paths[1])
    open_raster(paths[0])
    open_raster(paths[2])
    assert {key[2] for key in reading._handles} == {paths[0], paths[2]}  # the least recently used went
    monkeypatch.setattr(os, 'getpid', lambda: -1)
    assert open_raster(paths[0]) is not first
    reading.close_rasters()


@pytest.mark.parametrize('factor', [0.5, 1.0])
def test_gsd_of_a_projected_raster_in_metres(tmp_path, write_raster, coded_image, factor):
    info = probe_raster(str(write_raster(tmp_path / 'a.tif', coded_image(8, 8), gsd=factor)))
    assert info.gsd == pytest.approx(factor / 0.9996, rel=1e-6)  # UTM's scale at the central meridian
    assert info.resolved().gsd == factor  # close enough to a true map to count with its own pixels
    assert info.resolved(0.3).gsd == 0.3


def test_gsd_of_web_mercator_is_true_ground(tmp_path, write_raster, coded_image):
    y = 6378137.0 * math.log(math.tan(math.pi / 4 + math.radians(60) / 2))
    path = write_raster(tmp_path / 'a.tif', coded_image(8, 8), gsd=0.3, crs='EPSG:3857', origin=(0.0, y))
    height, width = probe_raster(str(path)).ground_pixel
    # The map takes the ellipsoid for a sphere: its radii of curvature at 60 degrees north over the sphere's.
    root = math.sqrt(1 - 6.69437999014e-3 * 0.75)
    assert width == pytest.approx(0.3 * 0.5 / root, rel=1e-5)
    assert height == pytest.approx(0.3 * 0.5 * (1 - 6.69437999014e-3) / root**3, rel=1e-5)


def test_gsd_of_degrees_is_true_ground(tmp_path, write_raster, coded_image):
    degrees = 1e-5
    path = write_raster(tmp_path / 'a.tif', coded_image(8, 8), gsd=degrees, crs='EPSG:4326', origin=(10.0, 48.0))
    # Geometric mean of a degree of longitude and of latitude on a sphere; the ellipsoid differs by less than 1 %.
    metres = math.radians(degrees) * 6371008.8
    assert probe_raster(str(path)).gsd == pytest.approx(metres * math.sqrt(math.cos(math.radians(48))), rel=0.01)


def test_gsd_in_feet(tmp_path, write_raster, coded_image):
    path = write_raster(tmp_path / 'a.tif', coded_image(8, 8), gsd=1.0, crs='EPSG:2263', origin=(1e6, 2e5))
    assert probe_raster(str(path)).resolved().gsd == pytest.approx(1200 / 3937, rel=1e-6)


def test_no_georeference_no_gsd(tmp_path, write_raster, coded_image):
    assert probe_raster(str(write_raster(tmp_path / 'a.png', coded_image(8, 8)))).gsd is None


def test_unreadable_and_missing_files(tmp_path, write_raster, coded_image):
    (tmp_path / 'text.tif').write_text('no raster')
    with pytest.raises(ValueError, match=r'text\.tif cannot be read as a raster .*replace it'):
        probe_raster(str(tmp_path / 'text.tif'))
    with pytest.raises(FileNotFoundError, match=r'gone\.tif does not exist; check data_root'):
        probe_raster(str(tmp_path / 'gone.tif'))
    path = write_raster(tmp_path / 'short.tif', np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:100000])
    with pytest.raises(ValueError, match=r'short\.tif is damaged or cut short .*replace it'):
        probe_raster(str(path))


def test_damage_in_the_middle_is_named_when_it_is_read(tmp_path, write_raster):
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    path = write_raster(tmp_path / 'holes.tif', noise, compress='deflate', tiled=True, blockxsize=64, blockysize=64)
    data = bytearray(path.read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 4)
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r'holes\.tif cannot be read'), rasterio.Env():
        read_window(str(path), (0, 0, 256, 256))
