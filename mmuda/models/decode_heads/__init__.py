"""Decode heads."""

from .conv_head import ConvHead
from .daformer_head import DAFormerHead
from .deeplab_v2_head import DeepLabV2Head
from .fused_aspp_head import FusedASPPHead
from .pyramid_fusion_head import PyramidFusionHead
from .summed_head import SummedHead
from .unet_head import UNetHead

__all__ = ['ConvHead', 'DAFormerHead', 'DeepLabV2Head', 'FusedASPPHead', 'PyramidFusionHead', 'SummedHead', 'UNetHead']
