"""Parts of rasters for training and for validation share no ground."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.raster.held_out import Part
from mmuda.utils.errors import UserError

LOAD = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]


@pytest.fixture
def folder(tmp_path):
    def write(*shapes):
        """Each pixel holds its row, its column, and the number of the raster."""
        for number, (height, width) in enumerate(shapes):
            rows, columns = np.mgrid[:height, :width]
            image = np.stack([rows, columns, np.full_like(rows, number)]).astype(np.uint8)
            place = dict(driver='GTiff', dtype='uint8', count=3, crs='EPSG:32633')
            with rasterio.open(
                tmp_path / f'{number}.tif',
                'w',
                height=height,
                width=width,
                transform=from_origin(0, 0, 0.5, 0.5),
                **place,
            ) as raster:
                raster.write(image)
        return str(tmp_path)

    return write


def pixels(root, name, **settings):
    """The (raster, row, column) that the items hold."""
    pipeline = LOAD if 'tile' in settings else [dict(type='RandomGroundCrop', extent=8.0), *LOAD]
    part = dict(name=name, share=0.25, buffer=8.0)
    dataset = RasterDataset(data_root=root, part=part, pipeline=pipeline, **settings)
    found = set()
    for _ in range(1 if 'tile' in settings else 30):
        for index in range(len(dataset)):
            image = dataset[index]['inputs'].numpy().reshape(3, -1)
            found |= set(zip(image[2].tolist(), image[0].tolist(), image[1].tolist(), strict=True))
    return found, dataset


@pytest.mark.parametrize(('shape', 'axis'), [((40, 120), 2), ((120, 40), 1)])
def test_the_end_of_the_longer_side_is_held_out_behind_a_buffer(folder, shape, axis):
    root = folder(shape)
    train, _ = pixels(root, 'train')
    held_out, _ = pixels(root, 'held_out', tile=16)
    # A quarter of 120 px is held out; the buffer is 8 m of 0.5 m.
    assert {place[axis] for place in held_out} == set(range(90, 120))
    assert {place[axis] for place in train} == set(range(0, 74))
    assert len(held_out) == 30 * 40 and {place[3 - axis] for place in train} == set(range(40))


def test_of_many_rasters_whole_ones_are_held_out(folder):
    root = folder(*[(40, 40)] * 8)
    train, _ = pixels(root, 'train')
    held_out, _ = pixels(root, 'held_out', tile=40)
    first, second = ({place[0] for place in part} for part in (train, held_out))
    assert len(second) == 2 and first | second == set(range(8)) and not first & second
    assert len(held_out) == 2 * 40 * 40


def test_items_follow_the_area_of_the_part(folder):
    root = folder((40, 120))
    crop = [dict(type='RandomGroundCrop', extent=8.0), *LOAD]
    whole = RasterDataset(data_root=root, pipeline=crop)
    half = RasterDataset(data_root=root, pipeline=crop, part=dict(name='train', share=0.5))
    assert (len(whole), len(half)) == (19, 9)  # 4800 and 2400 px of 256


def test_every_raster_is_in_one_part_whatever_the_share():
    for share in (0.01, 0.2, 0.5, 0.99):
        for count in (5, 6, 17):
            rasters = [type('Raster', (), dict(shape=(9, 9)))()] * count
            train, held_out = (Part(name, share).windows(rasters) for name in ('train', 'held_out'))
            assert all((a is None) != (b is None) for a, b in zip(train, held_out, strict=True))
            assert any(train) and any(held_out)


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        (dict(name='val'), "name='val' of a RasterDataset is unknown; choose one of train, held_out"),
        (dict(name='train', share=1.0), 'give a share between 0 and 1'),
        (dict(name='train', buffer=-1.0), 'a buffer of 0 metres or more'),
        (dict(name='train', size=3), r"part=\{'name': 'train', 'size': 3\} of a RasterDataset; give dict\(name="),
        ('train', "part='train' of a RasterDataset; give dict"),
        (dict(name='train', share=0.5, buffer=100.0), 'nothing is left of it beside a held out share of 0.5'),
    ],
)
def test_a_part_that_cannot_be_is_told(folder, part, message):
    with pytest.raises(UserError, match=message):
        RasterDataset(data_root=folder((40, 40)), part=part, pipeline=LOAD)


def test_a_crop_larger_than_its_part_is_told(folder):
    crop = [dict(type='RandomGroundCrop', extent=18.0), *LOAD]
    with pytest.raises(UserError, match='which has only 20 x 40 px'):
        RasterDataset(data_root=folder((40, 40)), part=dict(name='train', share=0.5), pipeline=crop)
