from .conv_head import ConvHead
from .deeplab_v2_head import DeepLabV2Head
from .pyramid_fusion_head import PyramidFusionHead

__all__ = ['ConvHead', 'DeepLabV2Head', 'PyramidFusionHead']
