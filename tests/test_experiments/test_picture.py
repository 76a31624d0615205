import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.transform import from_origin

from mmuda.apis import init_model, load_config
from mmuda.experiments.picture import TrainedRun, _most_mixed, draw_comparison
from mmuda.visualization import IGNORED_COLOUR

PALETTE = [(10, 20, 30), (200, 100, 0)]
CONFIG = """
rasters = dict(
    type='RasterDataset', data_root='{root}', img_suffix='_image.tif', seg_map_suffix='_label.tif',
    data_prefix=dict(img_path='', seg_map_path=''),
    metainfo=dict(classes=('ground', 'roof'), palette=[[10, 20, 30], [200, 100, 0]]))
crop = [dict(type='RandomGroundCrop', extent=12.0), dict(type='LoadRasterWindow'),
        dict(type='ResolutionPair', coarse_gsd=1.0, fine_gsd=0.5, extent=12.0), dict(type='PackUDAInputs')]
test = [dict(type='LoadRasterWindow'), dict(type='ResampleToGSD', gsd=1.0), dict(type='PackUDAInputs')]
train_dataloader = dict(dataset=dict(
    type='UDADataset', source=dict(pipeline=crop, **rasters),
    target=dict(pipeline=crop, **{{**rasters, 'labelled': False}})))
val_dataloader = dict(dataset=dict(tile=32, pipeline=test, **rasters))
model = dict(type='DomainAdaptation', segmentor=dict(
    type='SuperResolutionSegmentor',
    backbone=dict(type='ResidualASPP', base_channels=2),
    sr_head=dict(type='SuperResolutionHead', base_channels=2),
    decode_head=dict(type='PyramidFusionHead', base_channels=2, num_classes=2)))
"""


@pytest.fixture
def trained(tmp_path):
    """A run whose network says roof everywhere."""
    rng = np.random.default_rng(0)
    place = dict(driver='GTiff', dtype='uint8', height=64, width=64, crs='EPSG:32633')
    place['transform'] = from_origin(0, 0, 0.5, 0.5)
    with rasterio.open(tmp_path / 'a_image.tif', 'w', count=3, **place) as raster:
        raster.write(rng.integers(0, 256, (3, 64, 64)).astype(np.uint8))
    label = np.zeros((64, 64), dtype=np.uint8)
    label[:16] = 1
    label[:, 60:] = 255
    with rasterio.open(tmp_path / 'a_label.tif', 'w', count=1, **place) as raster:
        raster.write(label, 1)
    config = tmp_path / 'tiny.py'
    config.write_text(CONFIG.format(root=tmp_path))
    model = init_model(load_config(config), device='cpu')
    torch.nn.init.zeros_(model.segmentor.decode_head.conv_seg.weight)
    model.segmentor.decode_head.conv_seg.bias.data = torch.tensor([0.0, 1.0])
    run = TrainedRun('tiny', config, tmp_path / 'run', 12.3)
    run.work_dir.mkdir()
    parts = dict(state_dict=model.state_dict(), meta=dict(iter=1, epoch=0), message_hub={}, optimizer={})
    torch.save(parts, run.work_dir / 'iter_1.pth')
    return run


def areas(path) -> list[int]:
    picture = np.asarray(Image.open(path).convert('RGB'))
    return [int((picture == colour).all(axis=-1).sum()) for colour in [*PALETTE, IGNORED_COLOUR]]


def test_picture_has_truth_and_predictions_of_the_most_mixed_tiles(trained, tmp_path):
    draw_comparison(trained, trained, tmp_path / 'one.png', tiles=2)
    ground, roof, ignored = areas(tmp_path / 'one.png')
    # The two upper tiles: half of each is roof in truth, all of it in the prediction; 4 of 64 columns are ignored.
    assert roof / ground == pytest.approx(3, rel=0.1)
    assert ignored / (roof + ground + ignored) == pytest.approx(4 / 64, rel=0.25)
    other = TrainedRun('other', trained.config, trained.work_dir)
    draw_comparison(trained, other, tmp_path / 'two.png', tiles=2)
    assert areas(tmp_path / 'two.png')[1] / areas(tmp_path / 'two.png')[0] == pytest.approx(5, rel=0.1)
    assert Image.open(tmp_path / 'two.png').height == Image.open(tmp_path / 'one.png').height


def test_tiles_are_ordered_by_mixture_and_ignored_pixels_do_not_mix():
    pure, half, ignored = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    half[:2] = 1
    ignored[:3] = 255
    assert _most_mixed([pure, ignored, half])[0] == 2
    assert _most_mixed([ignored, pure]) == [0, 1]
