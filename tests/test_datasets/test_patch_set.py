"""Patches are where their transform says, padded by reflection, and the same whoever asks for them."""

import numpy as np
import pytest

from mmuda.datasets import PatchSet
from mmuda.datasets.transforms.geometry import resize_image

SIZE = 16


@pytest.fixture
def rasters(tmp_path, write_raster):
    """Two rasters whose bands tell row and column; labels tell the quadrant of 4 x 4 px, some pixels ignored."""
    for name, (height, width) in dict(a=(60, 50), b=(40, 70)).items():
        rows, cols = np.mgrid[:height, :width].astype(np.uint8)
        write_raster(tmp_path / 'img' / f'{name}.tif', np.stack([3 * rows, 3 * cols, 0 * rows], -1), gsd=0.5)
        label = (rows // 4 % 2 * 2 + cols // 4 % 2).astype(np.uint8)
        label[:2] = 255
        write_raster(tmp_path / 'ann' / f'{name}.tif', label, gsd=0.5)
    return tmp_path


def config(rasters, **options):
    prefix = dict(img_path=str(rasters / 'img'), seg_map_path=str(rasters / 'ann'))
    dataset = dict(type='RasterDataset', data_prefix=prefix, metainfo=dict(classes=tuple('abcd')))
    return dict(dict(dataset=dataset, patches_per_raster=12, size=SIZE), **options)


def reflect(index, length):
    """cba|abc|cba, as the paper's reflection padding with the border repeated."""
    index = index % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


@pytest.mark.parametrize('shear', [0.0, 15.0])
def test_every_pixel_is_where_the_transform_says(rasters, shear):
    patches = PatchSet(**config(rasters, shear=shear))
    beyond = 0
    for index in range(len(patches)):
        info = patches.get_data_info(index)
        height, width = info['raster_shape']
        sample = patches[index]
        for row in range(SIZE):
            for col in range(SIZE):
                x, y = info['patch'] @ [col, row, 1.0]
                inside = 1 <= x <= width - 2 and 1 <= y <= height - 2
                beyond += not (0 <= x <= width - 1 and 0 <= y <= height - 1)
                if inside:  # bilinear on a plane is exact, but for cv2's fixed-point weights
                    assert abs(sample['img'][row, col, 0] - 3 * y) < 1 and abs(sample['img'][row, col, 1] - 3 * x) < 1
                near = abs(x - np.floor(x) - 0.5) < 0.05 or abs(y - np.floor(y) - 0.5) < 0.05
                if not near:
                    r, c = reflect(int(np.rint(y)), height), reflect(int(np.rint(x)), width)
                    expected = 255 if r < 2 else r // 4 % 2 * 2 + c // 4 % 2
                    assert sample['gt_seg_map'][row, col] == expected, (index, row, col)
    assert beyond > 20  # corners of turned patches


def test_the_set_follows_from_its_seed_alone(rasters):
    patches, again = PatchSet(**config(rasters)), PatchSet(**config(rasters))
    order = np.random.default_rng(0).permutation(len(patches))
    for index in order:
        np.random.random()  # whatever else is drawn
        assert np.array_equal(patches[index]['img'], again[index]['img'])
    assert not np.array_equal(patches[0]['img'], PatchSet(**config(rasters, seed=1))[0]['img'])
    # More patches a raster begin with the same ones, and a raster's do not depend on the others.
    more = PatchSet(**config(rasters, patches_per_raster=40))
    assert np.array_equal(more[3]['img'], patches[3]['img']) and np.array_equal(more[40]['img'], patches[12]['img'])
    alone = config(rasters)
    alone['dataset'] = dict(alone['dataset'], name_prefix='b')
    assert np.array_equal(PatchSet(**alone)[5]['img'], patches[17]['img'])


def test_directions_and_places_spread(rasters):
    patches = PatchSet(**config(rasters, patches_per_raster=400, shear=0.0))
    matrices = np.array([patches.get_data_info(i)['patch'] for i in range(400)])
    angles = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert angles.min() < -170 and angles.max() > 170 and abs(angles.mean()) < 20
    np.testing.assert_allclose(np.linalg.det(matrices[:, :, :2]), 1.0)
    centres = matrices @ [(SIZE - 1) / 2, (SIZE - 1) / 2, 1.0]
    assert centres[:, 0].min() < 9 and centres[:, 0].max() > 40 and centres[:, 1].max() > 50


def test_a_finer_raster_is_brought_to_the_patches_distance_first(rasters):
    """Without rotation and shear a patch at twice the distance is a piece of the halved raster."""
    patches = PatchSet(**config(rasters, gsd=1.0, rotation=0.0, shear=0.0, size=8))
    info, sample = patches.get_data_info(0), patches[0]
    assert info['grid_shape'] == (30, 25) and sample['gsd'] == 1.0
    rows, cols = np.mgrid[:60, :50].astype(np.uint8)
    half = resize_image(np.stack([3 * rows, 3 * cols, 0 * rows], -1), (30, 25)).astype(float)
    x, y = info['patch'][:, 2]
    r, c, dy, dx = int(y), int(x), y % 1, x % 1
    for i in range(8):
        for j in range(8):
            if 2 <= r + i < 26 and 2 <= c + j < 21:
                four = half[r + i : r + i + 2, c + j : c + j + 2]
                expected = (four[0, 0] * (1 - dy) + four[1, 0] * dy) * (1 - dx)
                expected = expected + (four[0, 1] * (1 - dy) + four[1, 1] * dy) * dx
                assert np.abs(sample['img'][i, j] - expected).max() <= 2.0


def test_unlabelled_sets_and_pipelines(rasters):
    unlabelled = config(rasters, pipeline=[dict(type='PackUDAInputs')])
    unlabelled['dataset'] = dict(unlabelled['dataset'], labelled=False)
    patches = PatchSet(**unlabelled)
    sample = patches[0]
    assert not patches.labelled and 'gt_sem_seg' not in sample['data_samples']
    assert sample['inputs'].shape == (3, SIZE, SIZE) and sample['data_samples'].gsd == 0.5


def test_what_cannot_be_cut_is_told(rasters):
    with pytest.raises(ValueError, match=r'b.tif is 40 x 70 px at 0.5 m per pixel, smaller than the patches of 48 px'):
        PatchSet(**config(rasters, size=48))
    with pytest.raises(ValueError, match='patches_per_raster=0'):
        PatchSet(**config(rasters, patches_per_raster=0))
    with pytest.raises(ValueError, match='shear=90'):
        PatchSet(**config(rasters, shear=90))
    with pytest.raises(IndexError, match=r'patches 0\.\.23, not 24'):
        PatchSet(**config(rasters))[24]
