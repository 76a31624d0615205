"""The context-aware head of DAFormer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.models.utils import resize
from torch import Tensor, nn

from mmuda.registry import MODELS


@MODELS.register_module()
class DAFormerHead(BaseDecodeHead):
    """Fuses feature maps of all scales by a depthwise-separable ASPP (https://arxiv.org/abs/2111.14887, section 3.2).

    Each map is embedded by a linear layer per pixel, resized to the first (bilinear) and concatenated. Parallel
    convolutions with different dilations, without a pooled branch, and a 3x3 convolution fuse them.

    Args:
        in_channels: Channels of the feature maps, the finest first.
        channels: Channels behind the fusion.
        embed_channels: Channels to which each feature map is embedded.
        dilations: Dilations of the ASPP; None fuses by a 1x1 convolution instead, as in SegFormer and in the scale
            attention of HRDA.
        in_index: Which feature maps are read, in the order of ``in_channels``; None for the first ones.
        **kwargs: Further arguments of mmseg's ``BaseDecodeHead`` (``num_classes``, ``norm_cfg``, ``loss_decode``, ...).
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 256,
        embed_channels: int = 256,
        dilations: Sequence[int] | None = (1, 6, 12, 18),
        in_index: Sequence[int] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            list(in_channels),
            channels,
            in_index=list(range(len(in_channels)) if in_index is None else in_index),
            input_transform='multiple_select',
            **kwargs,
        )
        # A 1x1 convolution is a linear layer per pixel, with the same initial weights.
        self.embeddings = nn.ModuleList(nn.Conv2d(width, embed_channels, 1) for width in in_channels)
        layers = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        width, self.aspp_modules = embed_channels * len(in_channels), None
        if dilations is not None:
            self.aspp_modules = DepthwiseSeparableASPPModule(
                dilations=tuple(dilations), in_channels=width, channels=channels, **layers
            )
            width = channels * len(dilations)
        kernel_size = 1 if dilations is None else 3
        self.bottleneck = ConvModule(width, channels, kernel_size, padding=kernel_size // 2, **layers)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map feature maps (N, C_i, h_i, w_i) to logits (N, out_channels, h_0, w_0)."""
        features = self._transform_inputs(inputs)
        size = features[0].shape[-2:]
        embedded = [embed(x) for embed, x in zip(self.embeddings, features, strict=True)]
        fused = torch.cat([resize(x, size, mode='bilinear', align_corners=self.align_corners) for x in embedded], dim=1)
        if self.aspp_modules is not None:
            fused = torch.cat(self.aspp_modules(fused), dim=1)
        return self.cls_seg(self.bottleneck(fused))
