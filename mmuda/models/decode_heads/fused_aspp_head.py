"""DeepLabv3+ as in its authors' implementation: branches are fused by a 1x1 convolution."""

from __future__ import annotations

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads import DepthwiseSeparableASPPHead

from mmuda.registry import MODELS


@MODELS.register_module()
class FusedASPPHead(DepthwiseSeparableASPPHead):
    """mmseg's DeepLabv3+ head with a 1x1 ``bottleneck``, as in the authors' implementation (mmseg's is 3x3).

    Its output is the feature map that semantic pairing's DANN aligns: the tap ``module.decode_head.bottleneck``.

    Args:
        **kwargs: As mmseg's ``DepthwiseSeparableASPPHead``.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.bottleneck = ConvModule(
            (len(self.dilations) + 1) * self.channels,
            self.channels,
            1,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )
