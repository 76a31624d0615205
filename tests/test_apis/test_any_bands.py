"""Imagery of any number of bands is trained on from pretrained weights, adapted, tested, drawn and predicted."""

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.transform import from_origin

from mmuda.apis import UserError, adapt, check, init_model, load_config, predict_raster, prepare, test, train
from mmuda.apis.counts import image_channels
from mmuda.apis.translate import translate_dataset
from mmuda.checkpoints.bands import kernels_for_bands
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules

SIZE, LOW, HIGH = 96, 500.0, 3000.0
CONFIG = """
norm_cfg = dict(type='BN')
backbone = dict(type='MobileNetV2', widen_factor=0.25, out_indices=(5, 6), norm_cfg=norm_cfg,
                init_cfg=dict(type='Pretrained', checkpoint='{weights}'))
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0]),
    ema=dict(momentum=0.5, evaluate=True),
    segmentor=dict(
        type='EncoderDecoder', backbone=backbone,
        decode_head=dict(type='FCNHead', in_channels=80, in_index=1, channels=4, num_convs=1, concat_input=False,
                         norm_cfg=norm_cfg, align_corners=False),
        test_cfg=dict(mode='whole')),
    views=dict(strong=dict(type='StrongAugmentation', view='target')),
    terms=dict(
        images=dict(type='AdversarialAlignment', source='source:image', target='strong:image',
                    discriminator=dict(type='FCDiscriminator', base_channels=2),
                    loss=dict(type='GANLoss', gan_type='vanilla'), loss_weight=0.0),
        distance=dict(type='FeatureDistance', encoder=backbone, classes=[0], min_share=0.51)))
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='SGD', lr=1e-2)),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=1e-3)))
crop, load = dict(type='RandomGroundCrop', extent=32.0), dict(type='LoadRasterWindow')
colours, pack = dict(type='PhotoMetricDistortion'), dict(type='PackUDAInputs')
data = dict(type='RasterDataset', bands=tuple(range(1, {bands} + 1)), value_range=(500.0, 3000.0),
            metainfo=dict(classes=('ground', 'roof'), palette=[[0, 0, 0], [255, 0, 0]]))
labelled = dict(data, data_prefix=dict(img_path='{root}/images', seg_map_path='{root}/labels'))
unlabelled = dict(data, data_prefix=dict(img_path='{root}/images'))
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(
    type='UDADataset', source=dict(labelled, pipeline=[crop, load, colours, pack]),
    target=dict(unlabelled, pipeline=[crop, load, pack])))
val_dataloader = dict(dataset=dict(labelled, tile=64, pipeline=[load, pack]))
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='run', iters=2)])
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
log_processor = dict(by_epoch=False)
"""


@pytest.fixture(scope='module', autouse=True)
def _registered():
    register_all_modules()


@pytest.fixture
def make(tmp_path):
    """Writes one raster of 16 bits with its label, weights of three bands, and a config."""

    def make(bands):
        rng = np.random.default_rng(bands)
        profile = dict(driver='GTiff', height=SIZE, width=SIZE, crs='EPSG:32633')
        profile['transform'] = from_origin(0, 0, 0.5, 0.5)
        image = rng.integers(300, 3300, (bands, SIZE, SIZE)).astype(np.uint16)
        for folder, values in (('images', image), ('labels', (image[:1] > 1500).astype(np.uint8))):
            (tmp_path / folder).mkdir()
            profile.update(count=len(values), dtype=values.dtype)
            with rasterio.open(tmp_path / folder / 'a.tif', 'w', **profile) as file:
                file.write(values)
        torch.manual_seed(0)
        network = MODELS.build(dict(type='MobileNetV2', widen_factor=0.25))
        network.init_weights()
        torch.save(network.state_dict(), tmp_path / 'rgb.pth')
        text = CONFIG.format(bands=bands, root=tmp_path, weights=tmp_path / 'rgb.pth')
        (tmp_path / 'any.py').write_text(text)
        return load_config(tmp_path / 'any.py'), image

    return make


def by_hand(model, image):
    """Classes of the whole raster: values scaled, normalised and forwarded in plain code."""
    mean = [120, 110, 100] + [110] * (len(image) - 3) if len(image) >= 3 else [110] * len(image)
    std = [60, 50, 40] + [50] * (len(image) - 3) if len(image) >= 3 else [50] * len(image)
    values = np.clip((image.astype(np.float64) - LOW) / (HIGH - LOW), 0, 1) * 255
    values = (values - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))
    network = model.teacher_network
    with torch.no_grad():
        logits = network.decode_head(network.backbone(torch.from_numpy(values).float()[None]))
        return torch.nn.functional.interpolate(logits, (SIZE, SIZE), mode='bilinear').argmax(1)[0].numpy()


@pytest.mark.parametrize('bands', [1, 4, 10])
def test_from_pretrained_weights_to_a_map(make, bands, tmp_path):
    cfg, image = make(bands)
    assert 'in_channels' not in cfg.model.segmentor.backbone
    train(cfg, str(tmp_path / 'run'))
    checkpoint = tmp_path / 'run' / 'iter_2.pth'
    state = read_checkpoint(checkpoint)['state_dict']
    first = 'backbone.conv1.conv.weight'
    start = kernels_for_bands(torch.load(tmp_path / 'rgb.pth')['conv1.conv.weight'], bands)
    for name in (f'segmentor.{first}', f'teacher.module.{first}'):  # two steps of training away from the file's
        assert 0 < (state[name] - start).abs().max() < 0.2
    assert next(v for k, v in state.items() if k.startswith('terms.images.discriminator')).shape[1] == bands
    adapt(cfg, checkpoint, tmp_path / 'adapted.pth', ['batch_norm'], batches=1)
    metrics = test(cfg, tmp_path / 'adapted.pth', str(tmp_path / 'test'), show_dir=str(tmp_path / 'pictures'))
    assert set(metrics) >= {'mIoU', 'IoU.roof'}
    drawn = np.asarray(Image.open(next((tmp_path / 'pictures').rglob('*.png'))).convert('RGB'))
    assert (drawn[..., 0] != drawn[..., 1]).any() and len(np.unique(drawn)) > 100
    model = init_model(cfg, tmp_path / 'adapted.pth', 'cpu')
    predict_raster(model, tmp_path / 'images' / 'a.tif', tmp_path / 'map.tif', tile=SIZE, margin=0)
    with rasterio.open(tmp_path / 'map.tif') as file:
        found = file.read(1)
    assert (found == by_hand(model, image)).mean() > 0.999


@pytest.mark.parametrize('bands', [1, 4])
def test_cyclegan_translates_all_bands(make, bands, tmp_path):
    cfg, _ = make(bands)
    cfg.model = dict(
        type='ImageTranslation',
        data_preprocessor=dict(type='UDADataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
        generator=dict(type='ResNetGenerator', base_channels=2, blocks=1, activation='relu'),
        discriminator=dict(type='PatchDiscriminator', base_channels=2),
    )
    cfg.optim_wrapper = dict(
        constructor='NamedOptimWrapperConstructor',
        generator=dict(params=['generators'], optimizer=dict(type='Adam', lr=1e-3)),
        discriminator=dict(params=['discriminators'], optimizer=dict(type='Adam', lr=1e-3)),
    )
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    train(cfg, str(tmp_path / 'run'))
    files = translate_dataset(cfg, tmp_path / 'run' / 'iter_2.pth', tmp_path / 'out', tile=96, margin=0, device='cpu')
    with rasterio.open(files[0]) as file:
        assert (file.count, file.shape, file.dtypes[0]) == (bands, (SIZE, SIZE), 'uint8')
    # They become the source of another method, with the bands that were translated.
    cfg.train_dataloader.dataset.source.translated_images = str(tmp_path / 'out')
    assert image_channels(prepare(cfg)) == bands


def test_statistics_and_channels_that_are_given_stay(make):
    cfg, _ = make(4)
    cfg.model.data_preprocessor.update(mean=[1.0, 2.0, 3.0, 4.0], std=[5.0, 6.0, 7.0, 8.0])
    found = prepare(cfg).model
    assert found.data_preprocessor['mean'] == [1, 2, 3, 4] and found.data_preprocessor['std'] == [5, 6, 7, 8]
    assert found.segmentor.backbone.in_channels == found.terms.distance.encoder.in_channels == 4
    assert prepare(prepare(cfg)).model == found


def test_each_streams_own_statistics_get_the_bands_too(make):
    cfg, _ = make(4)
    cfg.model.data_preprocessor.streams = dict(target=dict(mean=[9.0, 6.0, 3.0], std=[3.0, 3.0, 3.0]))
    found = prepare(cfg).model.data_preprocessor
    assert found.streams.target == dict(mean=[9, 6, 3, 6], std=[3, 3, 3, 3]) and found['mean'] == [120, 110, 100, 110]


def test_the_check_shows_the_bands_and_refuses_what_is_for_colours(make, tmp_path):
    cfg, _ = make(4)
    with rasterio.open(tmp_path / 'images' / 'a.tif', 'r+') as file:
        file.descriptions = ('Red', 'Green', 'Blue', 'NIR')
    streams = cfg.train_dataloader.dataset
    streams.target.update(bands=(1, 2, 3, 3), value_range=[(500.0, 3000.0)] * 3 + [(0, 90)])
    report = check(cfg)
    told = str(report)
    assert 'bands: 1 (red), 2 (green), 3 (blue), 4 (nir); values from 500 to 3000 become 0 to 255' in told
    assert '3 (blue), 3 (blue); values from 500 to 3000, 500 to 3000, 500 to 3000, 0 to 90 become' in told
    assert 'band 4 of what the network sees is nir in the files of source and blue in those of target; choose' in told
    reference = dict(streams.target, pipeline=streams.target.pipeline[:-1])
    transfer = dict(type='ReinhardTransfer', reference=reference)
    streams.source.pipeline = [*streams.source.pipeline[:2], transfer, streams.source.pipeline[-1]]
    with pytest.raises(UserError, match="ReinhardTransfer got 4 bands, but 'lalphabeta' is made for red, green, blue"):
        check(cfg)
