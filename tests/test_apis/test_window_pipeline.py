"""A window of any raster is read exactly as a test reads its own, whatever says how: config, class or constructor."""

import numpy as np
import pytest
import rasterio
import torch
from mmcv.transforms import BaseTransform, LoadAnnotations

from mmuda.apis import UserError, init_model, load_config, predict_raster
from mmuda.apis.window_pipeline import WindowPipeline
from mmuda.datasets import RasterDataset
from mmuda.datasets.raster.reading import probe_raster
from mmuda.registry import DATASETS, TRANSFORMS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import ROOT
from tests.helpers.pixelwise import config

register_all_modules()
CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
CLASSES = dict(classes=('dark', 'bright'), palette=[[0, 0, 0], [255, 0, 0]])


class Infrared(RasterDataset):
    """What its files are stands in the signature."""

    METAINFO = CLASSES

    def __init__(self, bands=(4, 1, 2), value_range=(0, 1000), gsd=0.25, tile=16, domain='source', **kwargs):
        super().__init__(bands=bands, value_range=value_range, gsd=gsd, tile=tile, domain=domain, **kwargs)


class Fixed(RasterDataset):
    """What its files are stands in the constructor alone, which takes nothing else."""

    METAINFO = CLASSES

    def __init__(self, data_prefix, pipeline):
        super().__init__(
            data_prefix=data_prefix, pipeline=pipeline, bands=(3, 1), value_range=(100, 600), gsd=2.0, tile=(16, 16)
        )


class LoadMine(LoadAnnotations):
    """A label step of someone else, by a name that nobody knows."""


class NeedsLabels(BaseTransform):
    def transform(self, results):
        results['edges'] = results['gt_seg_map']
        return results


@pytest.fixture
def registered():
    for cls in (Infrared, Fixed):
        DATASETS.register_module(module=cls, force=True)
    for cls in (LoadMine, NeedsLabels):
        TRANSFORMS.register_module(module=cls, force=True)
    yield
    for cls in (Infrared, Fixed):
        DATASETS.module_dict.pop(cls.__name__)
    for cls in (LoadMine, NeedsLabels):
        TRANSFORMS.module_dict.pop(cls.__name__)


def same(ours, theirs):
    assert torch.equal(ours['inputs'], theirs['inputs'])
    keys = set(theirs['data_samples'].metainfo_keys())
    assert set(ours['data_samples'].metainfo_keys()) == keys
    for key in keys:
        assert ours['data_samples'].metainfo[key] == theirs['data_samples'].metainfo[key], key


@pytest.mark.parametrize('kind', ['RasterDataset', 'Infrared', 'Fixed', Infrared])
@pytest.mark.parametrize('steps', [[], [dict(type='ResampleToGSD', gsd=1.0)]], ids=['own grid', 'resampled'])
def test_a_window_is_the_sample_of_a_test(registered, write, tmp_path, kind, steps):
    pixels = np.random.default_rng(0).integers(0, 1000, (32, 32, 4)).astype(np.uint16)
    path = write(pixels, 'images/a.tif')
    pipeline = [dict(type='LoadRasterWindow'), *steps, dict(type='PackUDAInputs')]
    dataset = dict(type=kind, data_prefix=dict(img_path=str(tmp_path / 'images')), pipeline=pipeline)
    if kind == 'RasterDataset':
        dataset |= dict(value_range=(0, 1000), gsd=0.3, tile=16, metainfo=CLASSES)
    cfg = config()
    cfg.test_dataloader.dataset = dataset
    ours, theirs = WindowPipeline(cfg), (DATASETS.build(dataset) if isinstance(kind, str) else Infrared(**{
        key: value for key, value in dataset.items() if key != 'type'}))  # fmt: skip
    info = probe_raster(str(path))
    assert ours.tile == 16
    for index in range(4):
        window = theirs.get_data_info(index)['window']
        same(ours.of_window(ours.resolved(info), window), theirs[index])


def test_a_dataset_class_is_mapped_from_its_own_bands(registered, _identity_backbone, write, tmp_path):
    """The first sighting: prediction took bands 1, 2, 3 of a raster whose class says 4, 1, 2."""
    from tests.helpers.pixelwise import bright_or_dark

    pixels = np.random.default_rng(0).integers(0, 1000, (20, 20, 4)).astype(np.uint16)
    cfg = config()
    cfg.test_dataloader.dataset.update(type='Infrared', data_prefix=dict(img_path='/nowhere'))
    out = predict_raster(bright_or_dark(cfg), write(pixels), tmp_path / 'out.tif')
    with rasterio.open(out) as raster:
        assert np.array_equal(raster.read(1), pixels[..., 3] * 0.255 > 127.5)


def test_steps_that_only_supply_labels_are_left_out_whatever_their_name(registered, write):
    cfg = config([dict(type='LoadMine'), dict(type='LoadCoarseLabels', as_label=False)])
    pipeline = WindowPipeline(cfg)
    assert [type(step).__name__ for step in pipeline.steps] == ['LoadRasterWindow', 'PackUDAInputs']
    info = probe_raster(str(write(np.zeros((8, 8, 3), np.uint8))))
    assert pipeline.of_window(info, (0, 0, 8, 8))['inputs'].shape == (3, 8, 8)
    needy = WindowPipeline(config([dict(type='NeedsLabels')]))
    with pytest.raises(UserError, match="NeedsLabels of the test pipeline asks for 'gt_seg_map'.* only_labels = True"):
        needy.of_window(info, (0, 0, 8, 8))


def test_the_preprocessors_default_domain_holds_where_the_dataset_names_none(write):
    info = probe_raster(str(write(np.zeros((8, 8, 3), np.uint8))))
    sample = WindowPipeline(config()).of_window(info, (0, 0, 8, 8))['data_samples']
    assert 'domain' not in sample.metainfo_keys()
    sample = WindowPipeline(config(domain='source')).of_window(info, (0, 0, 8, 8))['data_samples']
    assert sample.domain == 'source'


@pytest.mark.parametrize('path', CONFIGS, ids=[path.stem for path in CONFIGS])
def test_every_config_that_predicts_classes_reads_windows(path, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no data: no file of the test set is touched
    cfg = load_config(path)
    if not cfg.get('test_dataloader') and not cfg.get('val_dataloader'):
        assert cfg.model.type in ('ImageTranslation', 'MaskedAutoencoder')  # they predict no classes
        return
    pipeline = WindowPipeline(cfg)
    bands = len(pipeline.dataset.bands or (1, 2, 3))
    info = probe_raster(str(write(np.zeros((40, 48, max(bands, 3)), np.uint8))))
    info = pipeline.resolved(info)
    pipeline.check_raster(info, 512, bands)
    sample = pipeline.of_window(info, (0, 0, 40, 48))
    assert sample['inputs'].shape[0] == bands and min(sample['inputs'].shape[1:]) >= 1
    assert tuple(sample['data_samples'].ori_shape) == (40, 48)
    assert not any((tmp_path / name).exists() for name in ('data', 'work_dirs'))


@pytest.mark.parametrize('name', ['low2high/low2high_unet-r18_synthetic', 'srda/srda_resaspp_synthetic'])
def test_a_config_of_each_kind_predicts(name, write, tmp_path):
    model = init_model(ROOT / 'configs' / f'{name}.py', device='cpu')
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    with rasterio.open(predict_raster(model, write(pixels), tmp_path / 'out.tif')) as raster:
        label = raster.read(1)
    assert label.shape == (64, 64) and label.max() < model.segmentor.decode_head.num_classes
