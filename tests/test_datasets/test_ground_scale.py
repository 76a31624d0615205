"""Random scale in metres of ground: crops of other ground, resampled to one size."""

import numpy as np
import pytest

from mmuda.datasets import RandomGroundCrop, RasterDataset, ResampleToGSD


def noise(height, width, bands=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, bands), dtype=np.uint8)


@pytest.mark.parametrize(
    ('settings', 'step', 'sides'),
    [
        (dict(extent=(64.0, 32.0)), dict(gsd=0.5), (128, 64)),
        (dict(size=(64, 32)), dict(ratio=1), (64, 32)),
        (dict(extent=(64.0, 32.0)), dict(ratio=0.5), (128, 64)),
    ],
)
def test_zoomed_crops_cover_other_ground_and_have_one_size(settings, step, sides):
    crop, resample = RandomGroundCrop(**settings, zoom=(0.5, 2.0)), ResampleToGSD(**step, label=True)
    np.random.seed(0)
    zooms = []
    for _ in range(300):
        results = crop(dict(gsd=1.0, raster_shape=(200, 150)))
        row, col, height, width = results['window']
        assert 0 <= row <= 200 - height and 0 <= col <= 150 - width
        zooms.append(64 / height)
        assert width == pytest.approx(32 / zooms[-1], abs=1)
        results = resample(dict(results, img=noise(height, width), gt_seg_map=noise(height, width)[..., 0]))
        assert results['img'].shape[:2] == results['gt_seg_map'].shape == results['ori_shape'] == sides
        assert results['gsd'] == pytest.approx(64 / sides[0], rel=1e-12)
    # Uniform in the zoom, as the factor of mmseg's RandomResize.
    assert np.histogram(zooms, bins=[0.49, 0.875, 1.25, 1.625, 2.01])[0].min() > 50


def test_a_zoomed_crop_takes_its_label_by_nearest_and_shows_its_ground_alone():
    label = np.arange(16, dtype=np.uint8).reshape(4, 4)
    results = dict(img=label[..., None].repeat(3, -1), gt_seg_map=label, gsd=1.0, seg_fields=['gt_seg_map'])
    results = RandomGroundCrop(extent=4.0, zoom=(1.999, 2.0))(results)
    shown = results['gt_seg_map'].copy()
    results = ResampleToGSD(gsd=1.0, label=True)(results)
    assert shown.shape == (2, 2) and results['img'].shape == (4, 4, 3)
    assert np.array_equal(results['gt_seg_map'], shown.repeat(2, 0).repeat(2, 1))


def test_a_zoomed_crop_that_does_not_fit_is_the_largest_that_does():
    crop = RandomGroundCrop(extent=64.0, zoom=(0.5, 0.6))
    windows = {crop(dict(gsd=1.0, raster_shape=(80, 300)))['window'][2:] for _ in range(20)}
    assert windows == {(80, 80)}
    windows = {crop(dict(gsd=1.0, raster_shape=(64, 64)))['window'] for _ in range(20)}
    assert windows == {(0, 0, 64, 64)}
    with pytest.raises(ValueError, match='make the crop smaller'):
        crop(dict(gsd=1.0, raster_shape=(63, 300)))


def test_pixels_that_are_not_square_are_zoomed_on_the_ground():
    crop = RandomGroundCrop(extent=64.0, zoom=(1.999, 2.0))
    results = crop(dict(gsd=2.0, ground_pixel=(1.0, 4.0), raster_shape=(100, 100)))
    assert results['window'][2:] == (32, 8)
    results = ResampleToGSD(gsd=0.5)(dict(results, img=noise(32, 8)))
    assert results['img'].shape == (128, 128, 3) and results['gsd'] == 0.5


@pytest.mark.parametrize('zoom', [(2.0, 0.5), (0.0, 1.0), 2.0])
def test_a_zoom_that_is_no_range_is_refused(zoom):
    with pytest.raises(ValueError, match='RandomGroundCrop: zoom'):
        RandomGroundCrop(extent=64.0, zoom=zoom)


def test_zoomed_crops_need_a_gsd_and_one_size(tmp_path, write_raster, coded_image):
    with pytest.raises(ValueError, match='needs the ground sample distance'):
        RandomGroundCrop(size=8, zoom=(0.5, 2.0))(dict(img=noise(20, 20)))
    write_raster(tmp_path / 'a.tif', coded_image(40, 40), gsd=1.0)
    crop, load = dict(type='RandomGroundCrop', extent=8.0, zoom=(0.5, 2.0)), dict(type='LoadRasterWindow')
    resample = dict(type='ResampleToGSD', gsd=1.0, label=True)
    flip, image_alone = dict(type='RandomFlipAll'), dict(resample, label=False)
    for steps in ([crop, load], [crop, load, flip, resample], [crop, load, image_alone]):
        with pytest.raises(ValueError, match='crops of many sizes, which nothing brings to one size'):
            RasterDataset(data_root=str(tmp_path), pipeline=steps)
    dataset = RasterDataset(data_root=str(tmp_path), pipeline=[crop, load, resample])
    assert {dataset[0]['img'].shape for _ in range(10)} == {(8, 8, 3)}
