import re

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from mmuda.apis import UserError, inference_model, init_model, predict_raster, super_resolve, test
from mmuda.maps.windows import kept_spans
from tests.helpers.pixelwise import PALETTE, bright_or_dark, config

pytestmark = pytest.mark.usefixtures('_identity_backbone')


@pytest.mark.parametrize(('length', 'tile', 'margin'), [(83, 16, 3), (16, 16, 3), (5, 16, 3), (17, 16, 0), (40, 13, 6)])
def test_windows_keep_every_pixel_once_and_away_from_inner_borders(length, tile, margin):
    parts = list(kept_spans(length, tile, margin))
    assert [pixel for *_, first, last in parts for pixel in range(first, last)] == list(range(length))
    for start, end, first, last in parts:
        assert start >= 0 and end <= length and end - start == min(tile, length)
        assert first - start >= margin or first == 0
        assert end - last >= margin or last == length


@pytest.mark.parametrize('tile', [16, 512])
def test_a_raster_is_predicted_by_windows_as_at_once(write, noise, tmp_path, tile):
    path = write(noise)
    out = predict_raster(bright_or_dark(config()), path, tmp_path / 'below' / 'out.tif', tile=tile)
    with rasterio.open(out) as raster:
        assert np.array_equal(raster.read(1), noise[..., 0] > 127.5)
        assert raster.transform == from_origin(100, 200, 0.5, 0.5)
        assert raster.crs.to_epsg() == 32633
        assert raster.colormap(1)[1] == (255, 0, 0, 255)
    assert [file.name for file in out.parent.iterdir()] == ['out.tif']


def test_resampled_prediction_returns_to_the_rasters_grid(write, tmp_path):
    image = np.zeros((64, 48, 3), dtype=np.uint8)
    image[:, 20:] = 255  # two pixels of 0.5 m are one of 1 m
    model = bright_or_dark(config([dict(type='ResampleToGSD', gsd=1.0)]))
    seen = []
    model.segmentor.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[-2:])))
    out = predict_raster(model, write(image), tmp_path / 'out.tif', tile=32)
    assert set(seen) == {(16, 16)}
    with rasterio.open(out) as raster:
        wrong = raster.read(1) != (image[..., 0] > 127)
    assert not wrong[:, :18].any() and not wrong[:, 22:].any()


def test_bands_and_values_are_read_as_the_config_says(write, tmp_path):
    heights = np.random.default_rng(0).uniform(-5, 25, (20, 20, 4)).astype(np.float32)
    cfg = config(bands=[4, 2, 1], value_range=(0.0, 20.0))
    out = predict_raster(bright_or_dark(cfg), write(heights), tmp_path / 'out.tif')
    with rasterio.open(out) as raster:
        assert np.array_equal(raster.read(1), heights[..., 3] > 10)


def test_pixels_without_data_stay_without(write, noise, tmp_path):
    noise = noise.clip(1)
    noise[:7] = 0
    out = predict_raster(bright_or_dark(config()), write(noise, nodata=0), tmp_path / 'out.tif', tile=16)
    with rasterio.open(out) as raster:
        label = raster.read(1)
    assert (label[:7] == 255).all()
    assert np.array_equal(label[7:], noise[7:, :, 0] > 127.5)


def test_a_prediction_that_fails_leaves_finished_strips_alone(write, noise, tmp_path):
    model = bright_or_dark(config())
    calls = []

    def fail(*_):
        calls.append(1)
        if len(calls) > 7:
            raise RuntimeError('out of memory')

    model.segmentor.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match='out of memory'):
        predict_raster(model, write(noise), tmp_path / 'out' / 'out.tif', tile=16)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['.out.tif.parts']  # a first strip
    with pytest.raises(RuntimeError, match='out of memory'):
        predict_raster(model, write(noise), tmp_path / 'new' / 'out.tif', tile=64)
    assert list((tmp_path / 'new').iterdir()) == []


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_a_raster_without_a_place_needs_its_gsd(write, noise, tmp_path):
    path = write(noise, crs=None, transform=None)
    model = bright_or_dark(config([dict(type='ResampleToGSD', gsd=1.0)]))
    with pytest.raises(UserError, match='ground sample distance of .*image.tif is unknown'):
        predict_raster(model, path, tmp_path / 'out.tif')
    assert predict_raster(model, path, tmp_path / 'out.tif', gsd=0.5).is_file()


def test_progress_ends_at_all_of_it(write, noise, tmp_path):
    lines = []
    predict_raster(bright_or_dark(config()), write(noise), tmp_path / 'out.tif', tile=16, report=lines.append)
    assert re.match(r'(\d+) of \1 windows of ', lines[-1])


def test_arrays_are_predicted_on_their_own_grid(noise):
    sample = inference_model(bright_or_dark(config()), noise)
    assert np.array_equal(sample.pred_sem_seg.data[0], noise[..., 0] > 127.5)
    model = bright_or_dark(config([dict(type='ResampleToGSD', gsd=1.0)]))
    assert inference_model(model, noise, gsd=0.5).pred_sem_seg.data.shape == (1, 61, 83)
    with pytest.raises(UserError, match='gsd of inference_model'):
        inference_model(model, noise)


def test_a_margin_that_leaves_nothing_is_refused(write, noise, tmp_path):
    with pytest.raises(UserError, match='tile=16 and margin=8'):
        predict_raster(bright_or_dark(config()), write(noise), tmp_path / 'out.tif', tile=16, margin=8)


def test_a_pipeline_of_another_kind_is_refused(write, noise, tmp_path):
    model = bright_or_dark(config())
    model.cfg.test_dataloader.dataset.pipeline[0] = dict(type='LoadImageFromFile')
    with pytest.raises(UserError, match='does not begin with LoadRasterWindow'):
        predict_raster(model, write(noise), tmp_path / 'out.tif')


def test_checkpoints_bring_weights_and_colours(tmp_path, noise):
    model = bright_or_dark(config())
    meta = dict(dataset_meta=dict(classes=('dark', 'bright'), palette=PALETTE))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), tmp_path / 'iter_1.pth')
    loaded = init_model(config(), tmp_path / 'iter_1.pth', device='cpu')
    assert loaded.dataset_meta['palette'] == PALETTE
    assert not loaded.training
    assert np.array_equal(inference_model(loaded, noise).pred_sem_seg.data[0], noise[..., 0] > 127.5)


def test_super_resolved_image_is_the_networks_own():
    segmentor = dict(
        type='SuperResolutionSegmentor',
        backbone=dict(type='ResidualASPP', base_channels=2),
        sr_head=dict(type='SuperResolutionHead', base_channels=2),
        decode_head=dict(type='PyramidFusionHead', base_channels=2, num_classes=2),
    )
    model = init_model(config(segmentor=segmentor), device='cpu')
    inputs = torch.randint(0, 256, (3, 12, 12), dtype=torch.uint8)
    image = super_resolve(model, dict(inputs=inputs), (40, 40))
    network = model.segmentor
    with torch.no_grad():
        features = network.extract_feat((inputs[None].float() - 127.5) / 127.5)
        expected = (network.super_resolve(network.sr_features(features), (40, 40))[0] * 127.5 + 127.5).permute(1, 2, 0)
    assert image.dtype == np.uint8
    assert np.abs(image - expected.numpy()).max() <= 0.51
    with pytest.raises(UserError, match='EncoderDecoder does not super-resolve'):
        super_resolve(bright_or_dark(config()), dict(inputs=inputs), (40, 40))


@pytest.mark.parametrize('steps', [(), (dict(type='ResampleToGSD', gsd=0.05),)])
def test_pixels_that_are_not_square_are_predicted_as_squares(tmp_path, write, steps, monkeypatch):
    """At 60 degrees north; blocks of 4 x 8 pixels are squares on the ground, and come back on the raster's grid."""
    blocks = np.random.default_rng(0).integers(0, 2, (12, 12)).repeat(4, 0).repeat(8, 1)
    image = (blocks[..., None] * 200 + 20).repeat(3, 2).astype(np.uint8)
    path = write(image, crs='EPSG:4326', transform=from_origin(20, 60, 1e-6, 1e-6))
    model, seen = bright_or_dark(config(steps)), []
    monkeypatch.setattr(model, 'test_step', lambda data, step=model.test_step: seen.append(data) or step(data))
    told = []
    out = predict_raster(model, path, tmp_path / 'out.tif', report=told.append)
    assert 'not square but 0.0558 m wide and 0.1114 m high' in told[0]
    height, width = seen[0]['inputs'][0].shape[1:]
    assert height / width == pytest.approx((48 * 0.11141) / (96 * 0.05580), rel=0.03)
    if steps:
        assert height == round(48 * 0.11141 / 0.05)
    with rasterio.open(out) as found:
        assert found.shape == blocks.shape and found.transform == from_origin(20, 60, 1e-6, 1e-6)
        assert (found.read(1) == blocks).mean() > (0.93 if steps else 0.9)
    seen.clear()
    predict_raster(model, path, tmp_path / 'nominal.tif', gsd=0.05)
    assert seen[0]['inputs'][0].shape[1:] == blocks.shape


def test_a_checkpoint_that_has_diverged_is_refused(tmp_path):
    state = bright_or_dark(config()).state_dict()
    key = next(key for key in state if key.endswith('weight'))
    state[key] = state[key] * float('nan')
    torch.save(dict(state_dict=state), tmp_path / 'iter_1.pth')
    with pytest.raises(UserError, match='iter_1.pth holds values that are not finite'):
        init_model(config(), tmp_path / 'iter_1.pth', device='cpu')


def test_a_test_of_a_checkpoint_that_has_diverged_is_refused(tiny, tmp_path):
    torch.save(dict(state_dict={'segmentor.a': torch.tensor([1.0, float('inf')])}), tmp_path / 'iter_1.pth')
    cfg = tiny(
        test_dataloader=dict(batch_size=1), test_cfg=dict(type='TestLoop'), test_evaluator=dict(type='IoUMetric')
    )
    with pytest.raises(UserError, match='iter_1.pth holds values that are not finite'):
        test(cfg, str(tmp_path / 'iter_1.pth'), str(tmp_path / 'run'))


@pytest.mark.parametrize('kind', ['alpha', 'mask', 'NaN', 'infinite', 'transparent and resampled'])
def test_what_a_raster_marks_in_any_way_is_not_predicted(write, noise, tmp_path, kind):
    missing = np.zeros(noise.shape[:2], bool)
    missing[:9] = missing[30:34, 20:50] = True
    opacity = np.where(missing, 0, 255).astype(np.uint8)
    options, pipeline = {}, []
    if kind in ('NaN', 'infinite'):
        values = noise.astype(np.float32)
        values[missing, 1] = np.nan if kind == 'NaN' else np.inf
        path, options = write(values), dict(value_range=(0, 255))
    elif kind == 'mask':
        path = write(noise)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, 'r+') as raster:
            raster.write_mask(opacity)
    else:
        path, options = write(np.dstack([noise, opacity]), photometric='RGB', ALPHA='YES'), dict(bands=None)
        pipeline = [dict(type='ResampleToGSD', gsd=1.0)] if 'resampled' in kind else []
    out = predict_raster(bright_or_dark(config(pipeline, **options)), path, tmp_path / 'out.tif', tile=16)
    with rasterio.open(out) as raster:
        label = raster.read(1)
    np.testing.assert_array_equal(label == 255, missing)
    if not pipeline:
        np.testing.assert_array_equal(label[~missing], noise[~missing][:, 0] > 127.5)
