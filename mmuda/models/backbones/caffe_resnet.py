"""The ResNet of DeepLab-v2's released models."""

from __future__ import annotations

from mmseg.models.backbones import ResNet
from torch import nn

from mmuda.registry import MODELS


@MODELS.register_module()
class CaffeResNet(ResNet):
    """mmseg's ResNet as in DeepLab-v2 (https://arxiv.org/abs/1606.00915), stride 8.

    The first 1x1 convolutions carry the strides, the stem pools with ``ceil_mode``, and the last two stages are dilated
    by 2 and 4. Affine parameters of batch norm are fixed, but training normalises by the batch's statistics, as in
    AdaptSegNet's and ADVENT's code. Images are BGR minus (104.007, 116.669, 122.679), not scaled.

    Args:
        depth: 50, 101 or 152.
        **kwargs: As mmseg's ``ResNet``.
    """

    def __init__(self, depth: int = 101, **kwargs) -> None:
        defaults = dict(
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            style='caffe',
            norm_cfg=dict(type='BN', requires_grad=False),
            norm_eval=False,
        )
        super().__init__(depth, **{**defaults, **kwargs})

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)
