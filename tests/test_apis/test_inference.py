from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from mmengine.config import Config
from rasterio.transform import from_origin

from mmuda.apis import UserError, inference_model, init_model, predict_raster, super_resolve
from mmuda.apis.inference import spans
from mmuda.datasets.raster_io import close_rasters

PALETTE = [[0, 0, 0], [255, 0, 0]]


def config(pipeline=(), segmentor=None, **test_set) -> Config:
    """A network of one 1 x 1 convolution: a pixel's class is its own, so a prediction by windows is exact."""
    segmentor = segmentor or dict(
        type='EncoderDecoder',
        backbone=dict(type='IdentityBackbone'),
        decode_head=dict(type='ConvHead', in_channels=3, num_classes=2, kernel_size=1),
        test_cfg=dict(mode='whole'),
    )
    # Weights for losses alone are not looked for where nothing is trained.
    loss = dict(type='PerceptualLoss', weights='/nowhere/vgg16.pth')
    terms = dict(identity=dict(type='TapLoss', tap='prob', reference='prob', loss=loss), supervised=None)
    steps = [dict(type='LoadRasterWindow'), *pipeline, dict(type='PackUDAInputs')]
    dataset = dict(type='RasterDataset', pipeline=steps, **test_set)
    model = dict(type='DomainAdaptation', segmentor=segmentor, terms=terms)
    return Config(dict(model=model, test_dataloader=dict(dataset=dataset), default_scope='mmuda'))


@pytest.fixture(scope='module', autouse=True)
def _identity_backbone():
    from mmengine.model import BaseModule

    from mmuda.registry import MODELS

    @MODELS.register_module(name='IdentityBackbone', force=True)
    class IdentityBackbone(BaseModule):
        def forward(self, x):
            return (x,)

    yield
    MODELS.module_dict.pop('IdentityBackbone')


def bright_or_dark(cfg):
    """A model that calls a pixel 1 where its first band is above the middle of the value range."""
    model = init_model(cfg, device='cpu')
    convolution = next(m for m in model.segmentor.decode_head.modules() if isinstance(m, torch.nn.Conv2d))
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[1, 0] = 1.0
        convolution.bias.zero_()
    model.dataset_meta = dict(palette=PALETTE)
    return model


@pytest.fixture
def write(tmp_path):
    def write(image: np.ndarray, name='image.tif', **options) -> Path:
        close_rasters()
        height, width, count = image.shape
        profile = dict(driver='GTiff', height=height, width=width, count=count, dtype=image.dtype)
        profile |= dict(crs='EPSG:32633', transform=from_origin(100, 200, 0.5, 0.5)) | options
        with rasterio.open(tmp_path / name, 'w', **profile) as raster:
            raster.write(image.transpose(2, 0, 1))
        return tmp_path / name

    return write


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (61, 83, 3)).astype(np.uint8)


@pytest.mark.parametrize(('length', 'tile', 'margin'), [(83, 16, 3), (16, 16, 3), (5, 16, 3), (17, 16, 0), (40, 13, 6)])
def test_windows_keep_every_pixel_once_and_away_from_inner_borders(length, tile, margin):
    parts = list(spans(length, tile, margin))
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


def test_a_prediction_that_fails_leaves_nothing(write, noise, tmp_path):
    model = bright_or_dark(config())
    calls = []

    def fail(*_):
        calls.append(1)
        if len(calls) > 3:
            raise RuntimeError('out of memory')

    model.segmentor.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match='out of memory'):
        predict_raster(model, write(noise), tmp_path / 'out' / 'out.tif', tile=16)
    assert list((tmp_path / 'out').iterdir()) == []


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
    assert lines[-1].startswith('61 of 61 rows of ')


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
