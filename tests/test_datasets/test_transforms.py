import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets import LoadAnnotations
from PIL import Image

from mmuda.datasets import (
    LoadRasterWindow,
    PackUDAInputs,
    RandomFlipAll,
    RandomGroundCrop,
    RandomImageScale,
    ResampleToGSD,
    ResolutionPair,
)
from mmuda.datasets.raster.image_reading import scale_values
from mmuda.datasets.transforms.geometry import resize_image, resize_label, round_half_up


def noise(height, width, bands=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, bands), dtype=np.uint8)


def crop(height, width, gsd):
    label = np.random.default_rng(1).integers(0, 2, (height, width), dtype=np.uint8)
    return dict(img=noise(height, width), gt_seg_map=label, gsd=gsd)


@pytest.mark.parametrize(('value', 'rounded'), [(187.5, 188), (186.5, 187), (0.2, 1), (113.4999, 113)])
def test_round_half_up(value, rounded):
    assert round_half_up(value) == rounded


def test_label_resize_takes_the_pixel_under_the_centre():
    label = np.arange(10, dtype=np.uint8)[None].repeat(4, 0)
    for width in (3, 4, 20, 27):
        expected = [int((i + 0.5) * 10 / width) for i in range(width)]
        assert resize_label(label, (2, width))[0].tolist() == expected
    half = resize_label(np.arange(9, dtype=np.uint8)[None], (1, 3))
    assert half.tolist() == [[1, 4, 7]]  # centred: cv2.INTER_NEAREST would give 0, 3, 6


def test_image_resize_is_antialiased_bicubic_for_any_number_of_bands():
    image = noise(50, 40, 4)
    for band in range(4):
        expected = np.asarray(Image.fromarray(image[..., band]).resize((12, 15), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(resize_image(image, (15, 12))[..., band], expected)
        np.testing.assert_array_equal(resize_image(image[..., :3], (15, 12))[..., min(band, 2)][:0], expected[:0])
    checkers = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)
    assert np.abs(resize_image(checkers, (16, 16))[2:-2, 2:-2].astype(int) - 128).max() <= 2
    as_float = resize_image(image.astype(np.float32), (15, 12))
    assert as_float.dtype == np.float32
    assert np.abs(as_float.clip(0, 255) - resize_image(image, (15, 12))).max() <= 1.0


def test_ground_crop_sizes():
    assert RandomGroundCrop(extent=114.0).crop_size(1.0) == (114, 114)
    assert RandomGroundCrop(extent=114.0).crop_size(0.3) == (380, 380)
    assert RandomGroundCrop(extent=(30.0, 60.0)).crop_size(0.5) == (60, 120)
    assert RandomGroundCrop(size=160).crop_size(0.09) == (160, 160)
    for settings in ({}, dict(extent=1.0, size=1)):
        with pytest.raises(ValueError, match='exactly one'):
            RandomGroundCrop(**settings)
    with pytest.raises(ValueError, match='positive'):
        RandomGroundCrop(extent=0.0)


def test_ground_crop_stays_inside_and_reaches_the_edges():
    transform = RandomGroundCrop(size=(3, 2))
    windows = {
        transform(dict(raster_shape=(9, 9), window=(2, 3, 4, 3), gsd=1.0))['window'] for _ in range(200)
    }  # the tile (row 2, col 3, 4 x 3 px) bounds the crop
    assert windows == {(row, col, 3, 2) for row in (2, 3) for col in (3, 4)}


def test_ground_crop_of_loaded_arrays(tmp_path, write_raster, coded_image):
    image = coded_image(30, 40)
    path = write_raster(tmp_path / 'x.png', image)
    label = write_raster(tmp_path / 'y.png', image[..., 0] % 3)
    results = dict(img_path=str(path), seg_map_path=str(label), reduce_zero_label=False, seg_fields=[], gsd=0.5)
    for transform in (LoadImageFromFile(), LoadAnnotations(), RandomGroundCrop(extent=(5.0, 10.0))):
        results = transform(results)
    row, col, height, width = results['window']
    assert (height, width) == (10, 20) == results['img_shape'] == results['img'].shape[:2]
    # mmcv reads BGR.
    np.testing.assert_array_equal(results['img'][..., ::-1], image[row : row + 10, col : col + 20])
    np.testing.assert_array_equal(results['gt_seg_map'], image[row : row + 10, col : col + 20, 0] % 3)


def test_ground_crop_without_gsd():
    with pytest.raises(ValueError, match=r'has no gsd; use a RasterDataset or set gsd='):
        RandomGroundCrop(extent=5.0)(dict(img=noise(20, 20)))
    assert RandomGroundCrop(extent=5.0, gsd=0.5)(dict(img=noise(20, 20)))['img'].shape == (10, 10, 3)


def test_load_raster_window_by_path_alone(tmp_path, write_raster, coded_image):
    path = write_raster(tmp_path / 'x.png', coded_image(5, 6))
    results = LoadRasterWindow()(dict(img_path=str(path)))
    np.testing.assert_array_equal(results['img'], coded_image(5, 6))
    assert results['window'] == (0, 0, 5, 6)
    path = write_raster(tmp_path / 'f.tif', coded_image(5, 6).astype(np.float32))
    with pytest.raises(ValueError, match=r'f\.tif is float32, not uint8; set value_range'):
        LoadRasterWindow()(dict(img_path=str(path)))


def test_missing_values_of_float_rasters_become_the_mean_of_the_others(tmp_path, write_raster):
    image = np.random.default_rng(0).uniform(0.2, 0.8, (4, 4, 3)).astype(np.float32)
    missing = np.zeros((4, 4), bool)
    missing[0, 0] = missing[1, 2] = True
    image[0, 0], image[1, 2, 1] = np.nan, np.inf
    path = write_raster(tmp_path / 'f.tif', image)
    loaded = LoadRasterWindow()(dict(img_path=str(path), value_range=(0.0, 1.0)))
    np.testing.assert_allclose(loaded['img'][~missing], image[~missing] * 255, rtol=1e-6)
    np.testing.assert_allclose(loaded['img'][missing], [(image[~missing] * 255).mean(axis=0)] * 2, rtol=1e-6)
    np.testing.assert_array_equal(loaded['no_data'], missing * 255)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32', 'float64'])
@pytest.mark.parametrize('value_range', [(0, 255), (-3.5, 1000), (0.1, 0.77), (np.float64(0.1), np.float64(0.77))])
def test_scaled_values_to_the_last_bit(dtype, value_range):
    image = np.random.default_rng(0).normal(0.5, 300.0, (30, 40, 3)).astype(dtype)
    if dtype.startswith('float'):
        image[2], image[3], image[4] = np.nan, np.inf, -np.inf
    before, (low, high) = image.copy(), value_range
    share = (image.astype(np.float32) - low) / (high - low)
    expected = np.where(np.isnan(share), 0, np.clip(share, 0.0, 1.0)) * share.dtype.type(255)
    scaled = scale_values(image, value_range, 'a.tif')
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, expected.astype(np.float32))
    np.testing.assert_array_equal(image, before)  # what was read stays


def test_resolution_pair_of_the_paper():
    pair = ResolutionPair(coarse_gsd=1.0, fine_gsd=0.3)
    for side, gsd in ((114, 1.0), (380, 0.3)):
        results = pair(crop(side, side, gsd))
        assert results['img'].shape == (114, 114, 3)
        assert results['fine_image'].shape == (380, 380, 3)
        assert results['gt_seg_map'].shape == (380, 380)
        assert results['gsd'] == pytest.approx(1.0)
        assert results['fine_gsd'] == pytest.approx(0.3)
        assert results['img_shape'] == (114, 114)
        assert results['ori_shape'] == (380, 380)


def test_resolution_pair_keeps_native_pixels_and_resamples_the_rest():
    native = crop(114, 114, 1.0)
    results = ResolutionPair(coarse_gsd=1.0, fine_gsd=0.3)(dict(native))
    np.testing.assert_array_equal(results['img'], native['img'])
    np.testing.assert_array_equal(
        results['fine_image'], np.asarray(Image.fromarray(native['img']).resize((380, 380), Image.Resampling.BICUBIC))
    )
    rows = [int((i + 0.5) * 114 / 380) for i in range(380)]
    np.testing.assert_array_equal(results['gt_seg_map'], native['gt_seg_map'][np.ix_(rows, rows)])


def test_resolution_pair_is_equal_for_crops_of_any_pixel_size():
    pair = ResolutionPair(coarse_gsd=0.15, fine_gsd=0.075)
    shapes = set()
    for gsd in (0.14925, 0.07464, 0.15, 0.0749):
        results = dict(img=noise(900, 900), gsd=gsd)
        results = pair(RandomGroundCrop(extent=48.0)(results))
        shapes.add((results['img'].shape, results['fine_image'].shape))
    assert shapes == {((320, 320, 3), (640, 640, 3))}
    explicit = ResolutionPair(coarse_gsd=0.15, fine_gsd=0.075, extent=48.0)
    assert explicit(dict(img=noise(643, 643), gsd=0.07464))['img'].shape == (320, 320, 3)


def test_resolution_pair_with_a_nominal_ratio():
    # Vaihingen 9 cm -> Potsdam 5 cm, taken as 2: 160 px and 320 px.
    pair = ResolutionPair(coarse_size=160, ratio=2)
    for side, gsd in ((160, 0.09), (320, 0.05)):
        results = pair(crop(side, side, gsd))
        assert results['img'].shape == (160, 160, 3)
        assert results['fine_image'].shape == (320, 320, 3)
    assert ResolutionPair(coarse_gsd=1.0, ratio=10 / 3).sizes((114.0, 114.0)) == ((114, 114), (380, 380))
    assert ResolutionPair(coarse_size=10, fine_size=25).sizes(None) == ((10, 10), (25, 25))


def test_resolution_pair_refuses_what_is_open_or_contradicts():
    for settings in (dict(coarse_gsd=1.0), dict(fine_gsd=1.0), dict(coarse_gsd=1.0, fine_gsd=0.3, ratio=2)):
        with pytest.raises(ValueError, match='exactly one'):
            ResolutionPair(**settings)
    with pytest.raises(ValueError, match='cannot tell the ground extent'):
        ResolutionPair(coarse_gsd=1.0, fine_gsd=0.3)(dict(img=noise(10, 10)))
    with pytest.raises(ValueError, match=r'covers \(100\.0, 100\.0\) m; give RandomGroundCrop the same extent'):
        ResolutionPair(coarse_gsd=1.0, fine_gsd=0.3, extent=114.0)(crop(100, 100, 1.0))


def test_resample_to_gsd_leaves_the_label_and_the_tile():
    results = crop(625, 625, 0.3) | dict(ori_shape=(625, 625))
    results = ResampleToGSD(1.0)(results)
    assert results['img'].shape == (188, 188, 3)
    assert results['img_shape'] == (188, 188)
    assert results['ori_shape'] == results['gt_seg_map'].shape == (625, 625)
    assert results['gsd'] == pytest.approx(625 * 0.3 / 188)
    assert results['scale_factor'] == (188 / 625, 188 / 625)
    assert ResampleToGSD(ratio=2)(dict(img=noise(500, 501)))['img'].shape == (250, 251, 3)
    with pytest.raises(ValueError, match='is unknown, so it cannot be resampled to 1.0 m'):
        ResampleToGSD(1.0)(dict(img=noise(5, 5)))
    with pytest.raises(ValueError, match='exactly one'):
        ResampleToGSD()


@pytest.mark.parametrize(
    ('horizontal', 'vertical', 'direction'),
    [(0, 0, None), (1, 0, 'horizontal'), (0, 1, 'vertical'), (1, 1, 'diagonal')],
)
def test_flip_acts_on_all(horizontal, vertical, direction):
    before = ResolutionPair(coarse_size=6, ratio=2)(crop(6, 6, 1.0))
    after = RandomFlipAll(horizontal, vertical)(dict(before))
    rows = slice(None, None, -1 if vertical else 1)
    cols = slice(None, None, -1 if horizontal else 1)
    for key in ('img', 'fine_image', 'gt_seg_map'):
        np.testing.assert_array_equal(after[key], before[key][rows, cols])
    assert (after['flip'], after['flip_direction']) == (direction is not None, direction)
    with pytest.raises(ValueError, match='no probability'):
        RandomFlipAll(horizontal=2)


def test_flip_probabilities_are_independent():
    np.random.seed(0)
    drawn = [RandomFlipAll(0.5, 0.25)(dict(img=noise(2, 2)))['flip_direction'] for _ in range(2000)]
    shares = {direction: drawn.count(direction) / 2000 for direction in (None, 'horizontal', 'vertical', 'diagonal')}
    assert shares == pytest.approx({None: 0.375, 'horizontal': 0.375, 'vertical': 0.125, 'diagonal': 0.125}, abs=0.04)


@pytest.mark.parametrize('bands', [1, 2, 3, 4, 5])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32, np.float64])
def test_pack_moves_every_value_to_its_place(bands, dtype):
    image = noise(9, 7, bands).astype(dtype)
    for view in (image, image[::-1, 1:], image.transpose(1, 0, 2)):
        inputs = PackUDAInputs()(dict(img=view))['inputs']
        assert inputs.is_contiguous()
        np.testing.assert_array_equal(inputs.numpy(), np.moveaxis(view, 2, 0))


def test_pack():
    results = ResolutionPair(coarse_size=4, ratio=2)(crop(4, 4, 1.0)) | dict(domain='source', img_path='x')
    sample = PackUDAInputs()(results)
    assert set(sample) == {'inputs', 'data_samples', 'fine_image'}
    np.testing.assert_array_equal(sample['inputs'].numpy(), results['img'].transpose(2, 0, 1))
    np.testing.assert_array_equal(sample['fine_image'].numpy(), results['fine_image'].transpose(2, 0, 1))
    data_sample = sample['data_samples']
    assert data_sample.gt_sem_seg.data.shape == (1, 8, 8)
    assert (data_sample.domain, data_sample.gsd, data_sample.window) == ('source', 1.0, None)
    assert data_sample.ori_shape == (8, 8)
    depth = PackUDAInputs(extra_keys=('depth',))(dict(img=noise(4, 4), depth=np.ones((4, 4), np.float32)))['depth']
    assert depth.shape == (4, 4)


def test_resample_to_gsd_of_a_training_crop_takes_the_label_along():
    label = np.arange(12 * 12).reshape(12, 12).astype(np.uint8)
    results = dict(img=noise(12, 12), gt_seg_map=label, gsd=0.25, ground_extent=(3.0, 3.0))
    results = ResampleToGSD(0.5, label=True)(results)
    assert results['img'].shape == (6, 6, 3) and results['ori_shape'] == results['img_shape'] == (6, 6)
    assert np.array_equal(results['gt_seg_map'], resize_label(label, (6, 6)))
    assert results['gsd'] == 0.5
    # 28.8 m are 386 px of 0.0746 m and 192 px of 0.15 m, whatever the raster's own pixel size.
    for size, gsd in ((386, 0.0746), (384, 0.075)):
        crop = dict(img=noise(size, size), gsd=gsd, ground_extent=(28.8, 28.8))
        assert ResampleToGSD(0.15, label=True)(crop)['img'].shape == (192, 192, 3)
    # A crop that was cut again is no longer that piece of ground.
    stale = dict(img=noise(10, 10), gsd=1.0, ground_extent=(20.0, 20.0))
    assert ResampleToGSD(0.5)(stale)['img'].shape == (20, 20, 3)


def test_random_image_scale_scales_the_image_and_not_the_label():
    transform = RandomImageScale(scale=(40, 25))
    np.random.seed(0)
    sizes = []
    for _ in range(2000):
        drawn = transform(dict(img=np.zeros((1, 1, 3), dtype=np.uint8), gt_seg_map=np.zeros((1, 1), dtype=np.uint8)))
        assert drawn['gt_seg_map'].shape == drawn['ori_shape'] == (25, 40)
        assert drawn['img'].shape[:2] == drawn['img_shape']
        sizes.append(drawn['img_shape'])
    # As the released code: int(25 * 0.8) = 20, int(25 * 1.1) = 27.
    assert set(sizes) == {(20, 32), (25, 40), (27, 44)}
    assert sizes.count((25, 40)) / 2000 == pytest.approx(0.4, abs=0.04)
    assert sizes.count((20, 32)) / 2000 == pytest.approx(0.3, abs=0.04)
    sample = crop(50, 80, 0.4)
    expected = np.asarray(Image.fromarray(sample['img']).resize((32, 20), Image.Resampling.BICUBIC))
    label = np.asarray(Image.fromarray(sample['gt_seg_map']).resize((40, 25), Image.Resampling.NEAREST))
    drawn = RandomImageScale(scale=(40, 25), factors=(0.8,), probabilities=(1.0,))(sample)
    np.testing.assert_array_equal(drawn['img'], expected)
    np.testing.assert_array_equal(drawn['gt_seg_map'], label)
    assert drawn['gsd'] == pytest.approx(1.0)  # 50 px of 0.4 m are 20
    for settings in (dict(factors=(0.0, 1.0), probabilities=(0.5, 0.5)), dict(probabilities=(0.5, 0.5)),
                     dict(probabilities=(0.5, 0.5, 0.5))):  # fmt: skip
        with pytest.raises(ValueError, match='RandomImageScale got'):
            RandomImageScale(scale=(40, 25), **settings)
