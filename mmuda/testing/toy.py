"""Networks of one to three convolutions and random images of 16 pixels, as configs of a few lines."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmuda.registry import DATASETS, MODELS

SIZE, CLASSES = 16, 3


@MODELS.register_module(force=True)
class ToyBackbone(BaseModule):
    """Two convolutions, the first one normalised: features (N, 4, H, W) and (N, 4, H / stride, W / stride)."""

    def __init__(self, norm: bool = True, stride: int = 1, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=not norm)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, stride=stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low = self.norm(self.conv1(x)).relu()
        return low, self.conv2(low).relu()


@MODELS.register_module(force=True)
class ToyHead(BaseDecodeHead):
    """Dropout and a 1x1 convolution; the dropout shows whether random numbers follow the iteration."""

    def __init__(self, in_index: int = 1, dropout_ratio: float = 0.2, **kwargs) -> None:
        super().__init__(
            4, 4, num_classes=CLASSES, in_index=in_index, dropout_ratio=dropout_ratio, align_corners=False, **kwargs
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return self.cls_seg(self._transform_inputs(inputs))


@MODELS.register_module(force=True)
class ToyDiscriminator(BaseModule):
    """Logits (N, 1, H, W) of a map (N, in_channels, H, W)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(torch.nn.functional.leaky_relu(self.conv1(x), 0.2))


@DATASETS.register_module(force=True)
class ToyDataset(Dataset):
    """Images determined by the index, plus noise determined by the draw.

    Args:
        labelled: Give ``gt_sem_seg``: the image's mean in three classes.
        images: Give ``inputs``; without them the stream has label maps only.
        fine: Side of ``fine_image`` and of the labels, if they have a finer grid.
        cells: Side of label cells, if labels are coarser than images: one label per cell, and its index.
        gain: Contrast factor, so that domains differ.
        size: Side of the images.
    """

    metainfo = dict(classes=('low', 'middle', 'high'), palette=[[0, 0, 0], [9, 9, 9], [99, 99, 99]])

    def __init__(
        self,
        labelled: bool = True,
        images: bool = True,
        fine: int | None = None,
        gain: float = 1.0,
        cells: int | None = None,
        size: int = SIZE,
    ) -> None:
        self.labelled, self.images, self.fine, self.gain, self.cells = labelled, images, fine, gain, cells
        self.size = size

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict:
        fixed = np.random.RandomState(index + 100 * self.labelled)
        side = self.fine or self.size
        fine = fixed.uniform(0, 255, (3, side, side)) * self.gain + np.random.normal(0, 20, (3, side, side))
        fine = torch.from_numpy(fine.astype(np.float32)).to(torch.get_default_dtype())
        size = (self.size, self.size)
        sample = SegDataSample(metainfo=dict(ori_shape=(side, side), img_shape=size, index=int(index)))
        if self.labelled:
            label = (fine.mean(dim=0) / 85).long().clamp(0, CLASSES - 1)
            if self.cells:
                cell = torch.arange(side) // self.cells
                label = label[cell[:, None] * self.cells, cell * self.cells]
            sample.gt_sem_seg = PixelData(data=label[None])
        packed = dict(data_samples=sample)
        if self.images:
            packed['inputs'] = torch.nn.functional.interpolate(fine[None], size=size, mode='nearest')[0]
        if self.fine:
            packed['fine_image'] = fine
        if self.cells:
            packed['cells'] = (cell[:, None] * (side // self.cells) + cell).int()
        return packed


def segmentor(auxiliary: bool = False, **head) -> dict:
    """Config of the toy segmentor, an mmseg EncoderDecoder."""
    cfg = dict(
        type='EncoderDecoder',
        backbone=dict(type='ToyBackbone'),
        decode_head=dict(type='ToyHead', **head),
        test_cfg=dict(mode='whole'),
    )
    if auxiliary:
        cfg['auxiliary_head'] = dict(type='ToyHead', in_index=0, loss_decode=dict(type='CrossEntropyLoss'))
    return cfg


def plain_segmentor(stride: int = 1) -> dict:
    """A toy segmentor without norm and dropout: each forward is a function of weights and images."""
    return dict(segmentor(dropout_ratio=0), backbone=dict(type='ToyBackbone', norm=False, stride=stride))


def batch(size: int = 2, **gains: float) -> dict:
    """The same batch each time, as a loader gives it: lists of images and samples by stream."""
    np.random.seed(0)
    streams = {}
    for name in ('source', 'target'):
        dataset = ToyDataset(labelled=name == 'source', gain=gains.get(name, 1.0))
        items = [dataset[i] for i in range(size)]
        streams[name] = {key: [item[key] for item in items] for key in items[0]}
    return streams
