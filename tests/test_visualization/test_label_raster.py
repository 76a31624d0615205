import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from mmuda.visualization import label_raster

PALETTE = [[0, 0, 0], [200, 100, 0]]


def write_image(path, height, width, georeferenced=True):
    place = dict(crs='EPSG:32633', transform=from_origin(100, 200, 0.3, 0.3)) if georeferenced else {}
    with rasterio.open(
        path, 'w', driver='GTiff', height=height, width=width, count=3, dtype='uint8', **place
    ) as raster:
        raster.write(np.zeros((3, height, width), dtype=np.uint8))
    return str(path)


@pytest.mark.parametrize('size', [(30, 20), (300, 400)])  # in strips, in blocks
def test_same_grid_with_colours_and_unwritten_pixels_as_no_data(tmp_path, size):
    image = write_image(tmp_path / 'image.tif', *size)
    label = np.random.default_rng(0).integers(0, 2, (10, 7)).astype(np.uint8)
    out = tmp_path / 'below' / 'classes.tif'
    with label_raster(out, image, PALETTE) as output:
        output.write(label, 1, window=Window(5, 3, 7, 10))
        assert not out.exists()
    expected = np.full(size, 255)
    expected[3:13, 5:12] = label
    with rasterio.open(out) as raster:
        assert np.array_equal(raster.read(1), expected)
        assert (raster.crs.to_epsg(), raster.transform) == (32633, from_origin(100, 200, 0.3, 0.3))
        assert (raster.nodata, raster.colormap(1)[1]) == (255, (200, 100, 0, 255))
    assert [path.name for path in out.parent.iterdir()] == ['classes.tif']


@pytest.mark.filterwarnings('error')
def test_a_raster_without_a_place_gives_one_without(tmp_path):
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        image = write_image(tmp_path / 'image.tif', 8, 8, georeferenced=False)
    with label_raster(tmp_path / 'classes.tif', image, PALETTE) as output:
        output.write(np.ones((8, 8), dtype=np.uint8), 1)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / 'classes.tif') as raster:
        assert raster.crs is None


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    image = write_image(tmp_path / 'image.tif', 8, 8)
    out = tmp_path / 'out' / 'classes.tif'
    with label_raster(out, image, PALETTE) as output:
        output.write(np.ones((8, 8), dtype=np.uint8), 1)
    with pytest.raises(RuntimeError), label_raster(out, image, PALETTE) as output:
        output.write(np.zeros((8, 8), dtype=np.uint8), 1)
        raise RuntimeError
    with rasterio.open(out) as raster:
        assert (raster.read(1) == 1).all()
    assert [path.name for path in out.parent.iterdir()] == ['classes.tif']
