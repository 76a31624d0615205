"""The whole path: the project's own config, on rasters of a few pixels, through the Runner; and resume."""

import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from mmuda.apis import inference_model, init_model, load_config, train
from mmuda.checkpoints.reading import read_checkpoint

# By its location, so that a copy of the project tests itself.
package = import_module('.'.join([*Path(__file__).resolve().parts[-4:-2], 'proportion_alignment']))
CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'proportion_resaspp_synthetic.py'
CLASSES = tuple('abcdef')


def write(path, array, gsd):
    """A GeoTIFF (C, H, W) with square pixels of ``gsd`` metres."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = array.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width, dtype='uint8', crs='EPSG:32637')
    with rasterio.open(path, 'w', transform=from_origin(500000, 9000000, gsd, gsd), **profile) as raster:
        raster.write(array)


@pytest.fixture(scope='module')
def rasters(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp('rasters'), np.random.default_rng(0)
    write(root / 'source' / 'a_image.tif', rng.integers(0, 256, (3, 40, 40), dtype=np.uint8), 1.0)
    write(root / 'source' / 'a_label.tif', rng.integers(0, 6, (1, 40, 40), dtype=np.uint8), 1.0)
    write(root / 'target' / 'b_image.tif', rng.integers(0, 256, (3, 120, 120), dtype=np.uint8), 0.3)
    return root


@pytest.fixture
def config(rasters):
    """The project's config on these rasters: crops of 24 m, four iterations, a checkpoint every two."""

    def config():
        cfg = load_config(CONFIG)
        dataset = cfg.train_dataloader.dataset
        for domain in ('source', 'target'):
            pipeline = dataset[domain].pipeline
            pipeline[0].extent = 24.0
            labels = dict(seg_map_path=domain) if domain == 'source' else {}
            dataset[domain] = dict(
                type='RasterDataset',
                data_root=str(rasters),
                data_prefix=dict(img_path=domain, **labels),
                img_suffix='_image.tif',
                seg_map_suffix='_label.tif',
                metainfo=dict(classes=CLASSES, palette=[[i, i, i] for i in range(6)]),
                pipeline=pipeline,
            )
        cfg.train_cfg.stages[0].iters = 4
        cfg.model.ramp_iters = 4
        cfg.default_hooks.checkpoint.interval = 2
        cfg.default_hooks.logger.interval = 1
        cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
        return cfg

    return config


def test_the_run_trains_every_part_and_resumes_exactly(config, tmp_path):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    runner = train(config(), str(whole))
    history = runner.message_hub.log_scalars
    ramp, _ = history['train/proportion.ramp'].data
    assert ramp[0] == 0 and (np.diff(ramp) > 0).all()
    assert {'train/proportion.loss_proportion', 'train/proportion.uncertainty', 'train/segmentor.lr'} <= set(history)
    assert runner.model.terms.proportion.pixels.sum() > 0

    shutil.copytree(whole, killed)
    (killed / 'iter_4.pth').unlink()
    resumed = train(config(), str(killed), resume=True)
    assert resumed.iter == 4
    first, second = runner.model.state_dict(), resumed.model.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    initial = read_checkpoint(whole / 'iter_2.pth')['state_dict']
    for part in ('segmentor.decode_head', 'terms.proportion.discriminator', 'terms.proportion.pixels'):
        moved = [name for name in first if name.startswith(part) and not torch.equal(initial[name], first[name])]
        assert moved, f'{part} did not change'


def test_a_misspelt_term_is_named_before_the_first_iteration(config, tmp_path):
    cfg = config()
    cfg.model.ramp_terms = ['propotion']
    with pytest.raises(ValueError, match="names \\['propotion'\\], but the model has the terms .*'proportion'"):
        train(cfg, str(tmp_path))


def test_the_model_predicts_without_its_terms(config):
    model = init_model(config())
    assert isinstance(model, package.RampedAdaptation) and list(model.terms) == ['supervised']
    sample = inference_model(model, np.zeros((40, 30, 3), np.uint8), gsd=0.3)
    assert sample.pred_sem_seg.data.shape == (1, 40, 30)
