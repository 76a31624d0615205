"""Patches of West Virginia through the converter and two training steps of the full-size network.

The real ones are slow; each run of the tests does the same with drawn ones.
"""

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmuda.apis import load_config, train
from mmuda.apis.oracle import coarse_oracle
from mmuda.converters.low2high import Labels, build_low2high
from tests.helpers import ROOT

DATA = ROOT / 'data' / 'chesapeake_wv'
CELL = 30  # metres and pixels
EAST, NORTH = 500_000.0, 4_150_000.0
CONFIG = ROOT / 'configs' / 'low2high' / 'adversarial_unet-r18_chesapeake.py'


def write(path, bands, gsd, left, top):
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width, dtype='uint8', crs='EPSG:26917')
    with rasterio.open(path, 'w', transform=rasterio.Affine(gsd, 0, left, 0, -gsd, top), **profile) as file:
        file.write(bands)


def draw(folder, side=540):
    """Two patches as the real ones lie in their folder: cells of 30 px, and a fine label that differs a little."""
    rng = np.random.default_rng(0)
    for name in ('a', 'b'):
        classes = rng.integers(0, 4, (side // CELL, side // CELL)).repeat(CELL, axis=0).repeat(CELL, axis=1)
        fine = np.where(rng.random(classes.shape) < 0.8, classes, rng.integers(0, 4, classes.shape))
        image = (60 * fine + rng.integers(0, 60, (4, side, side))).astype(np.uint8)
        write(folder / 'naip_rgbn' / f'{name}.tif', image, 1.0, EAST, NORTH)
        for kind, codes, label in (
            ('land_cover_1m', (1, 2, 3, 5), fine),
            ('nlcd_30m_as_1m', (11, 41, 81, 22), classes),
        ):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(np.array(codes, np.uint8)[label]).save(folder / kind / f'{name}.png')


def convert_and_train(data, tmp_path):
    """The patches have no georeference, and NLCD is repeated to 1 m: it is given back its 30 m, read at centres."""
    for n, image in enumerate(sorted((data / 'naip_rgbn').glob('*.tif'))):
        left = EAST + 1000 * n
        for kind, source, suffix in (('naip', image, '_naip-new.tif'), ('lc', data / 'land_cover_1m', '_lc.tif')):
            source = source if source.is_file() else source / f'{image.stem}.png'
            with rasterio.open(source) as file:
                write(tmp_path / kind / f'{image.stem}{suffix}', file.read(), 1.0, left, NORTH)
        with rasterio.open(data / 'nlcd_30m_as_1m' / f'{image.stem}.png') as file:
            cells = file.read(1)[CELL // 2 :: CELL, CELL // 2 :: CELL]
        write(tmp_path / 'nlcd' / f'{image.stem}_nlcd.tif', cells[None], 30.0, left, NORTH)
    fine = Labels(str(tmp_path / 'lc'), '_lc.tif', 'chesapeake')
    coarse = Labels(str(tmp_path / 'nlcd'), '_nlcd.tif', 'nlcd')
    # A region a split: one region is not made with two settings.
    for region, split in (('wv', 'train'), ('va', 'heldout'), ('md', 'val')):
        counts = build_low2high(
            tmp_path / 'naip', fine, coarse, tmp_path / 'data', region, '_naip-new.tif', 256, min_classes=2,
            max_share=1.0, max_ignored=0.2, split=split,
        )  # fmt: skip
        assert counts[split] > 3
    options = {
        'default_hooks.logger.interval': 1,
        'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'val_dataloader.num_workers': 0,
        'val_dataloader.persistent_workers': False,
        'train_cfg.stages': [dict(name='train', iters=2)],
        'train_cfg.val_interval': 2,
        'work_dir': str(tmp_path / 'run'),
    }
    for loader in ('train_dataloader.dataset.source', 'train_dataloader.dataset.exemplar', 'val_dataloader.dataset'):
        options.update({f'{loader}.data_root': str(tmp_path / 'data'), f'{loader}.tile': 256})
    cfg = load_config(str(CONFIG), options)
    runner = train(cfg)
    metrics = {key: value.current() for key, value in runner.message_hub.log_scalars.items() if 'IoU' in key}
    assert np.isfinite(metrics['val/mIoU']) and 'val/cell/mIoU' in metrics
    cfg.test_dataloader = cfg.val_dataloader
    assert 30 < coarse_oracle(cfg)['aAcc'] < 100


def test_drawn_patches_are_converted_and_trained_on(tmp_path):
    draw(tmp_path / 'drawn')
    convert_and_train(tmp_path / 'drawn', tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason='data/chesapeake_wv is not linked')
def test_real_patches_are_converted_and_trained_on(tmp_path):
    convert_and_train(DATA, tmp_path)
