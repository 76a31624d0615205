"""A run that takes a second: a tiny network on drawn samples."""

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import Dataset

from mmuda.registry import DATASETS

SIZE = 128  # a quarter of it is the least that FCDiscriminator takes


@DATASETS.register_module(name='DrawnDataset', force=True)
class DrawnDataset(Dataset):
    """Random images; the label is whether a pixel is bright. ``constant`` and ``ignored`` spoil it on purpose."""

    METAINFO = dict(classes=('dark', 'bright'), palette=[[0, 0, 0], [255, 255, 255]])

    def __init__(self, labelled=True, gsd=1.0, constant=False, ignored=0.0, scale=1.0):
        self.metainfo = self.METAINFO
        self.labelled, self.gsd, self.constant, self.ignored, self.scale = labelled, gsd, constant, ignored, scale

    def __len__(self):
        return 8

    def __getitem__(self, index):
        image = np.random.randint(0, 256, (3, SIZE, SIZE)).astype(np.uint8)
        if self.constant:
            image[:] = 7
        sample = SegDataSample(metainfo=dict(gsd=self.gsd, img_path=f'{index}.png', ori_shape=(SIZE, SIZE)))
        sample.set_metainfo(dict(img_shape=(SIZE, SIZE)))
        if self.labelled:
            label = (image[0] > 127).astype(np.int64)
            label[: int(self.ignored * SIZE)] = 255
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(label)[None])
        return dict(inputs=torch.from_numpy(image) * self.scale, data_samples=sample)


CONFIG = """
norm_cfg = dict(type='BN')
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor'),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,),
                      base_channels=4, norm_cfg=norm_cfg),
        decode_head=dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=1, concat_input=False,
                         num_classes=2, norm_cfg=norm_cfg, align_corners=False),
        test_cfg=dict(mode='whole')),
    terms=dict(output=dict(
        type='AdversarialAlignment', source='source:prob', target='target:prob',
        discriminator=dict(type='FCDiscriminator', in_channels=2, base_channels=2),
        loss=dict(type='GANLoss', gan_type='vanilla'), loss_weight=0.01, discriminator_weight=0.005)))
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='SGD', lr=1e-2)),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=1e-3)))
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DrawSampler'),
    dataset=dict(type='UDADataset', source=dict(type='DrawnDataset'),
                 target=dict(type='DrawnDataset', labelled=False)))
train_cfg = dict(type='StagedTrainLoop', stages=[
    dict(name='source', iters=3, terms=['supervised']), dict(name='adapt', iters=7)])
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=9))
log_processor = dict(by_epoch=False)
"""
