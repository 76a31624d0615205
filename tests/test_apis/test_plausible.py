"""What the data of a config make possible and hardly anyone means."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mmuda.apis.plausible import implausible_distances
from mmuda.registry import DATASETS
from mmuda.utils.setup_env import register_all_modules

METAINFO = dict(classes=('a', 'b'), palette=[[0, 0, 0], [255, 255, 255]])


@pytest.fixture
def data(tmp_path):
    """Builds a UDADataset over one raster of a domain each, of given metres a pixel, with given resampling steps."""
    register_all_modules()

    def build(gsds, steps, **options):
        streams = {}
        for name, gsd in gsds.items():
            folder = tmp_path / f'{name}{gsd}'
            for kind, count in dict(i=3, l=1).items():
                (folder / kind).mkdir(parents=True, exist_ok=True)
                profile = dict(driver='GTiff', height=60, width=60, count=count, dtype='uint8', crs='EPSG:32633')
                with rasterio.open(
                    folder / kind / 'x.tif', 'w', transform=from_origin(3.2e5, 5e6, gsd, gsd), **profile
                ) as file:
                    file.write(np.zeros((count, 60, 60), np.uint8))
            prefix = dict(img_path='i', seg_map_path='l') if name == 'source' else dict(img_path='i')
            pipeline = [dict(type='LoadRasterWindow'), *steps, dict(type='PackUDAInputs')]
            streams[name] = dict(
                type='RasterDataset', data_root=str(folder), data_prefix=prefix, metainfo=METAINFO, pipeline=pipeline
            ) | options.get(name, {})
        return DATASETS.build(dict(type='UDADataset', **streams))

    return build


def pair(coarse, fine=None, **kwargs):
    return [dict(type='ResolutionPair', coarse_gsd=coarse, fine_gsd=fine, **kwargs)]


@pytest.mark.parametrize(
    'steps', [pair(1.0, 0.3), pair(1.04, 0.31), pair(1.0, ratio=3.3), [dict(type='ResampleToGSD', gsd=0.3)], []]
)
def test_what_fits_is_not_mentioned(data, steps):
    assert implausible_distances(data(dict(source=1.0, target=0.3), steps), 'train') == []


def test_grids_that_are_not_those_of_the_files(data):
    found = implausible_distances(data(dict(source=0.149, target=0.075), pair(0.5, 0.25)), 'train')
    assert [warning.partition(':')[0] for warning in found] == ['source', 'target']
    assert 'coarse_gsd=0.5' in found[0] and '0.149 m' in found[0]
    assert 'fine_gsd=0.25' in found[1] and '0.075 m' in found[1]


def test_a_super_resolution_to_something_coarser(data):
    found = implausible_distances(data(dict(source=0.3, target=1.0), pair(0.3, 1.0)), 'train')
    assert any('files of the source have 0.3 m per pixel and those of the target 1 m' in warning for warning in found)
    assert any('fine grid of 1 m and a coarse one of 0.3 m: there is nothing to super-resolve' in one for one in found)


def test_detail_that_no_file_has(data):
    (warning,) = implausible_distances(
        data(dict(source=1.0, target=0.2), [dict(type='ResampleToGSD', gsd=0.2)]), 'train'
    )
    assert warning.startswith('source: ResampleToGSD makes 0.2 m per pixel of files of 1 m, 5.0 times finer')


def test_a_nominal_distance_that_the_georeference_contradicts(data):
    dataset = data(dict(source=0.075, target=0.3), [], source=dict(gsd=0.5))
    (warning,) = implausible_distances(dataset, 'train')
    assert warning.startswith('source: the config says gsd=0.5, but the georeference of')
    assert '0.075 m per pixel' in warning
    (inside,) = implausible_distances(dataset.source, 'val')  # whatever wraps it
    assert inside.startswith('val: ')
    assert implausible_distances(data(dict(source=0.075), [], source=dict(gsd=0.08)), 'train') == []
