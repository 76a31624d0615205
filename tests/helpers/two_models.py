"""A small raster, a config, and two models of it that differ in how sure they are."""

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from mmuda.apis import init_model, load_config

CONFIG = """
rasters = dict(
    type='RasterDataset', data_root='{root}', img_suffix='_image.tif', seg_map_suffix='_label.tif',
    data_prefix=dict(img_path='', seg_map_path=''), gsd=1.0,
    metainfo=dict(classes=('ground', 'roof'), palette=[[10, 20, 30], [200, 100, 0]]))
load, pack = dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')
crop = [dict(type='RandomGroundCrop', extent=32.0), load, pack]
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(
    type='UDADataset', source=dict(pipeline=crop, **rasters),
    target=dict(pipeline=crop, **{{**rasters, 'labelled': False}})))
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='train', iters=1)])
optim_wrapper = dict(constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='SGD', lr=0.1)))
val_dataloader = dict(dataset=dict(tile=32, pipeline=[load, pack], **rasters))
model = dict(type='DomainAdaptation', data_preprocessor=dict(type='UDADataPreprocessor', mean=[0.0] * 3, std=[1.0] * 3),
    segmentor=dict(type='EncoderDecoder', test_cfg=dict(mode='whole'),
        backbone=dict(type='UNet', in_channels=3, base_channels=4, num_stages=2, strides=(1, 1), enc_num_convs=(1, 1),
                      dec_num_convs=(1,), downsamples=(True,), enc_dilations=(1, 1), dec_dilations=(1,)),
        decode_head=dict(type='FCNHead', in_channels=4, in_index=-1, channels=4, num_convs=0, concat_input=False,
                         num_classes=2, loss_decode=dict(type='CrossEntropyLoss'))))
"""


@pytest.fixture
def imagery(tmp_path):
    """Path of the config; ``weak.pth`` and ``strong.pth`` lie beside it."""
    return make_imagery(tmp_path)


def make_imagery(folder):
    """As the fixture, in a folder that lives longer than a test."""
    rng = np.random.default_rng(0)
    place = dict(driver='GTiff', dtype='uint8', height=64, width=64, crs='EPSG:32633')
    place['transform'] = from_origin(0, 0, 1.0, 1.0)
    image = rng.integers(0, 256, (3, 64, 64)).astype(np.uint8)
    image[:, :8, :8] = 0
    with rasterio.open(folder / 'a_image.tif', 'w', count=3, nodata=0, **place) as raster:
        raster.write(image)
    with rasterio.open(folder / 'a_label.tif', 'w', count=1, **place) as raster:
        raster.write((image[:1] > 127).astype(np.uint8))
    config = folder / 'tiny.py'
    config.write_text(CONFIG.format(root=folder))
    torch.manual_seed(3)
    model = init_model(load_config(config), device='cpu')
    layer = model.segmentor.decode_head.conv_seg
    for name, factor in (('weak', 0.01), ('strong', 5.0)):
        torch.manual_seed(3)
        torch.nn.init.normal_(layer.weight)
        layer.weight.data *= factor
        layer.bias.data -= layer.bias.data
        torch.save(dict(state_dict=model.state_dict(), meta=dict(iter=1, epoch=0)), folder / f'{name}.pth')
    return config
