import math
import warnings

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC

from mmuda.datasets import RasterDataset
from mmuda.datasets.raster.geometry import georeference, is_square
from mmuda.datasets.raster.notes import notes_on_pixels
from mmuda.datasets.raster.output import raster_like
from mmuda.datasets.raster.reading import probe_raster

E2 = 6.69437999014e-3
E = math.sqrt(E2)


def write_raster(path, shape=(64, 64), crs='EPSG:32633', transform=None, **options):
    height, width = shape
    profile = dict(driver='GTiff', height=height, width=width, count=1, dtype='uint8') | options
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path, 'w', crs=crs, transform=transform, **profile) as raster:
            raster.write(np.ones((1, height, width), np.uint8))
    return str(path)


def centred(x, y, size, shape=(64, 64)):
    """Transform of square map pixels around a point."""
    return Affine(size, 0, x - size * shape[1] / 2, 0, -size, y + size * shape[0] / 2)


def radii(latitude):
    """Radii of curvature (of the meridian, across it) in metres, and the sine of the latitude."""
    sine = math.sin(math.radians(latitude))
    root = math.sqrt(1 - E2 * sine**2)
    return 6378137.0 * (1 - E2) / root**3, 6378137.0 / root


def polar_scale(latitude, true_at):
    """Snyder's equations 15-9, 14-15 and 21-32 to 21-34: scale of a polar stereographic map, true at a parallel."""

    def t(phi):
        sine = math.sin(phi)
        return math.tan(math.pi / 4 - phi / 2) / ((1 - E * sine) / (1 + E * sine)) ** (E / 2)

    def m(phi):
        return math.cos(phi) / math.sqrt(1 - E2 * math.sin(phi) ** 2)

    phi, true = math.radians(latitude), math.radians(true_at)
    return m(true) * t(phi) / (t(true) * m(phi))


@pytest.mark.parametrize('size', [0.07, 30.0, 1000.0])
@pytest.mark.parametrize('crs', ['EPSG:3995', 'EPSG:3031'])
def test_polar_maps(tmp_path, crs, size):
    sign = 1 if crs == 'EPSG:3995' else -1
    x, y = (axis[0] for axis in rasterio.warp.transform('EPSG:4326', crs, [30.0], [sign * 80.0]))
    info = probe_raster(write_raster(tmp_path / 'a.tif', crs=crs, transform=centred(x, y, size)))
    assert info.ground_pixel == pytest.approx([size / polar_scale(80.0, 71.0)] * 2, rel=2e-6)
    assert info.resolved().gsd == info.gsd  # 1.9 % is too much to count with the map's own metres


@pytest.mark.parametrize('size', [0.07, 30.0, 1000.0])
def test_albers(tmp_path, size):
    """An equal-area map: pixels are not square off its standard parallels, but their area is true."""
    path = write_raster(tmp_path / 'a.tif', crs='EPSG:5070', transform=centred(0.0, 3.6e6, size))
    info = probe_raster(path)
    height, width = info.ground_pixel
    assert height * width == pytest.approx(size**2, rel=2e-6)
    assert height / width != pytest.approx(1, rel=1e-3)
    assert info.gsd == pytest.approx(size, rel=1e-6)


@pytest.mark.parametrize('metres', [0.07, 30.0, 1000.0])
@pytest.mark.parametrize('longitude', [12.0, 179.9999])
def test_degrees(tmp_path, metres, longitude):
    degrees = metres / 111e3
    path = write_raster(tmp_path / 'a.tif', crs='EPSG:4326', transform=centred(longitude, 60.0, degrees))
    meridian, across = radii(60.0)
    step = math.radians(degrees)
    wanted = step * meridian, step * across * math.cos(math.radians(60.0))
    assert probe_raster(path).ground_pixel == pytest.approx(wanted, rel=2e-6)


def test_oblong_pixels_of_a_map_and_turned_ones(tmp_path):
    oblong = Affine(0.2, 0, 5e5, 0, -0.5, 5e6)
    info = probe_raster(write_raster(tmp_path / 'a.tif', transform=oblong)).resolved()
    assert info.ground_pixel == pytest.approx((0.5, 0.2), rel=1e-9) and not info.square
    assert info.gsd == pytest.approx(math.sqrt(0.1))
    turned = Affine.translation(5e5, 5e6) * Affine.rotation(30) * Affine.scale(0.2, -0.5)
    info = probe_raster(write_raster(tmp_path / 'b.tif', transform=turned)).resolved()
    assert info.ground_pixel == pytest.approx((0.5, 0.2), rel=1e-3)


def test_a_nominal_size_says_square_pixels(tmp_path):
    path = write_raster(tmp_path / 'a.tif', crs='EPSG:4326', transform=centred(10.0, 60.0, 1e-5))
    info = probe_raster(path).resolved(0.5)
    assert info.square and info.gsd == 0.5 and info.ground_pixel == (0.5, 0.5)
    assert is_square((1.0, 1.009)) and not is_square((1.0, 1.011))


@pytest.mark.parametrize(
    'system, name, metres',
    [
        ('LOCAL_CS["site",UNIT["metre",1]]', 'metre', 1.0),
        ('LOCAL_CS["site",UNIT["US survey foot",0.304800609601219]]', 'US survey foot', 0.304800609601219),
        ('LOCAL_CS["site"]', 'metre', 1.0),
        ('ENGCRS["site",EDATUM["x"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["foot",0.3048]]',)
        + ('foot', 0.3048),
    ],
)
def test_local_systems(tmp_path, system, name, metres):
    info = probe_raster(write_raster(tmp_path / 'a.tif', crs=system, transform=centred(100, 100, 0.5)))
    assert info.gsd == pytest.approx(0.5 * metres, rel=1e-9)
    (note,) = notes_on_pixels([info.resolved()])
    assert f'local coordinate system: its pixels are {0.5 * metres:.4g} m as the unit of that system ({name})' in note
    assert notes_on_pixels([info.resolved(0.2)]) == []


def test_no_earth_and_no_place(tmp_path):
    mars = 'GEOGCS["Mars",DATUM["Mars",SPHEROID["Mars",3396190,0]],PRIMEM["0",0],UNIT["degree",0.0174532925199433]]'
    assert probe_raster(write_raster(tmp_path / 'a.tif', crs=mars, transform=centred(10, 10, 1e-4))).gsd is None
    assert probe_raster(write_raster(tmp_path / 'b.tif', crs='EPSG:32633')).gsd is None
    assert probe_raster(write_raster(tmp_path / 'c.tif', crs=None, transform=centred(10, 10, 1.0))).gsd is None


def test_metres_that_are_said_to_be_degrees_are_nowhere(tmp_path):
    (tmp_path / 'i').mkdir()
    path = write_raster(tmp_path / 'i' / 'a.tif', crs='EPSG:4326', transform=centred(4e5, 5e6, 0.5))
    assert probe_raster(path).gsd is None
    told = r'a\.tif has a georeference \(transform .* in EPSG:4326\) that gives a pixel no size on Earth'
    with pytest.raises(ValueError, match=told):
        RasterDataset(data_root=str(tmp_path), data_prefix=dict(img_path='i'), bands=None)
    east = write_raster(tmp_path / 'b.tif', crs='EPSG:4326', transform=centred(350.0, 0.0, 1e-5))
    assert probe_raster(east).gsd == pytest.approx(1.11, abs=0.01)


def points(size, noise=0.0):
    rng = np.random.default_rng(0)
    shift = rng.normal(0, noise, (4, 2))
    places = [(row, col) for row in (0, 64) for col in (0, 64)]
    return [
        GroundControlPoint(row, col, 5e5 + col * size + dx, 5e6 - row * size + dy)
        for (row, col), (dx, dy) in zip(places, shift, strict=True)
    ]


@pytest.mark.parametrize('crs', ['EPSG:32633', rasterio.crs.CRS()])
def test_ground_control_points_tell_the_size_and_travel(tmp_path, crs):
    path = write_raster(tmp_path / 'a.tif', gcps=points(0.5), crs=crs)
    info = probe_raster(path)
    assert info.control == 'ground control points'
    assert info.gsd == (pytest.approx(0.5 / 0.9996, rel=1e-5) if crs else None)
    with raster_like(tmp_path / 'out.tif', path, count=1) as output:
        output.write(np.zeros((1, 64, 64), np.uint8))
    with rasterio.open(path) as wanted, rasterio.open(tmp_path / 'out.tif') as found:
        assert [point.asdict() | dict(id='') for point in found.gcps[0]] == [
            point.asdict() | dict(id='') for point in wanted.gcps[0]
        ]
        assert found.gcps[1] == wanted.gcps[1] and found.transform.is_identity


def test_control_points_that_fit_nothing_tell_nothing(tmp_path):
    # Opposite corners exchanged: no plane goes through them.
    torn = points(0.5)
    torn[0].x, torn[1].x = torn[1].x, torn[0].x
    assert probe_raster(write_raster(tmp_path / 'a.tif', gcps=torn)).gsd is None
    assert probe_raster(write_raster(tmp_path / 'b.tif', gcps=points(0.5)[:1])).gsd is None


def test_rpcs_tell_the_size_and_travel(tmp_path):
    """Lines go 2e-5 degrees south, samples 2e-5 degrees east."""
    one, line, sample = ([1.0] + [0.0] * 19, [0.0, 0.0, -1.0] + [0.0] * 17, [0.0, 1.0] + [0.0] * 18)
    rpcs = RPC(
        **dict(height_off=100.0, height_scale=500.0, lat_off=48.0, lat_scale=0.1, long_off=10.0, long_scale=0.1),
        **dict(line_off=32.0, line_scale=5000.0, samp_off=32.0, samp_scale=5000.0),
        **dict(line_num_coeff=line, line_den_coeff=one, samp_num_coeff=sample, samp_den_coeff=one),
    )
    path = write_raster(tmp_path / 'a.tif', crs=None, rpcs=rpcs)
    info = probe_raster(path)
    meridian, across = radii(48.0)
    step = math.radians(2e-5)
    assert info.control == 'RPCs'
    assert info.ground_pixel == pytest.approx((step * meridian, step * across * math.cos(math.radians(48.0))), rel=1e-3)
    with raster_like(tmp_path / 'out.tif', path, count=1) as output:
        output.write(np.zeros((1, 64, 64), np.uint8))
    with rasterio.open(tmp_path / 'out.tif') as found:
        assert found.rpcs.line_num_coeff == line and found.rpcs.lat_off == 48.0
        assert set(georeference(found)) == {'rpcs'}
