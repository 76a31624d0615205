"""Tiny rasters in the layouts that the datasets read."""

import numpy as np
import pytest

from tests.helpers.towns import CLASSES, blocks


@pytest.fixture
def coded_image():
    """A function: an image whose bands tell row, column and a constant, so that a window shows where it came from."""

    def make(height, width, constant=7):
        rows, cols = np.mgrid[:height, :width]
        return np.stack([rows % 256, cols % 256, np.full((height, width), constant)], axis=-1).astype(np.uint8)

    return make


@pytest.fixture
def buildings(tmp_path, write_raster, coded_image):
    """A folder with two labelled 1 m rasters (40 x 60 and 80 x 60 px) in img_dir and ann_dir."""
    for name, (height, width) in dict(a=(40, 60), b=(80, 60)).items():
        image = coded_image(height, width)
        write_raster(tmp_path / 'img_dir' / f'{name}.tif', image, gsd=1.0)
        write_raster(tmp_path / 'ann_dir' / f'{name}.tif', ((image[..., 0] + image[..., 1]) % 2), gsd=1.0)
    return tmp_path


@pytest.fixture
def towns(tmp_path, write_raster, coded_image):
    """A function that writes labels by name and gives the arguments of their dataset."""

    def write(labels, **profile):
        for name, label in labels.items():
            write_raster(tmp_path / 'images' / f'{name}.tif', coded_image(*label.shape), gsd=1.0, **profile)
            write_raster(tmp_path / 'labels' / f'{name}.tif', label.astype(np.uint8), gsd=1.0)
        prefix = dict(img_path='images', seg_map_path='labels')
        return dict(data_root=str(tmp_path), data_prefix=prefix, metainfo=dict(classes=CLASSES))

    return write


@pytest.fixture
def two_sizes(towns):
    """A raster larger than a crop and one that is smaller than two; parts are ignored."""
    labels = dict(
        large=blocks((70, 100), roof=(30, 40, 20, 30), car=(66, 96, 3, 4), ignored=(0, 0, 5, 50)),
        small=blocks((20, 33), roof=(0, 0, 4, 4)),
    )
    return labels, towns(labels)
