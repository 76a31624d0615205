"""Outlines of rasters, which of them are drawn together, and distances."""

import base64

import numpy as np
import pytest
from rasterio.warp import transform

from mmuda.datasets.band_statistics import BandStatistics
from mmuda.datasets.raster.footprint import footprint
from mmuda.datasets.raster.reading import probe_raster
from mmuda.reports.data import Stream
from mmuda.reports.places import colours_chart, map_of


def raster(write_raster, path, gsd=2.0, **options):
    return probe_raster(str(write_raster(path, np.zeros((40, 60, 3), np.uint8), gsd, **options)))


def stream(name, *rasters, colours=None):
    return Stream(name, 'RasterDataset', list(rasters), len(rasters), True, colours)


def test_corners_are_those_of_the_raster(tmp_path, write_raster):
    corners = footprint(raster(write_raster, tmp_path / 'a.tif'))
    x, y = [500000, 500120, 500120, 500000], [5000000, 5000000, 4999920, 4999920]
    assert corners == pytest.approx(np.array(transform('EPSG:32633', 'EPSG:4326', x, y)).T)


def test_without_a_georeference_there_is_no_outline(tmp_path, write_raster):
    plain = raster(write_raster, tmp_path / 'a.tif', gsd=None)
    assert footprint(plain) is None
    assert map_of([stream('source', plain)]) == []


def test_near_images_share_a_map_and_far_ones_have_their_own(tmp_path, write_raster):
    here = raster(write_raster, tmp_path / 'a.tif')
    near = raster(write_raster, tmp_path / 'b.tif', origin=(500150.0, 5000000.0))
    far = raster(write_raster, tmp_path / 'c.tif', origin=(500000.0, 5111195.0))  # a degree of latitude further north
    together = map_of([stream('source', here), stream('target', near)])
    assert len(together) == 1 and '1 of source, 1 of target, within 270 m by 80 m' in together[0].caption
    apart = map_of([stream('source', here), stream('target', far), stream('test', far)])
    assert len(apart) == 3
    assert 'Source and target are 111 km apart' in apart[0].caption
    assert '1 of source' in apart[1].caption and '1 of target, 1 of test' in apart[2].caption


def test_a_chart_is_an_svg_with_a_text(tmp_path):
    chart = colours_chart([stream('source', colours=BandStatistics((100.0, 90.0), (20.0, 10.0)))])
    assert base64.b64decode(chart.uri.partition(',')[2]).startswith(b'<?xml') and 'image/svg+xml' in chart.uri
    assert 'source 100\u00a0±\u00a020, 90\u00a0±\u00a010' in chart.alt
    assert colours_chart([stream('source')]) is None


def test_ground_and_pixel_sizes(tmp_path, write_raster):
    of = stream('source', raster(write_raster, tmp_path / 'a.tif').resolved())
    assert of.gsds == [2.0] and of.hectares == pytest.approx(40 * 60 * 4 / 10_000)
    assert stream('source', raster(write_raster, tmp_path / 'b.tif', gsd=None)).hectares is None
