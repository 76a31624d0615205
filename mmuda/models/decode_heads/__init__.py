from .conv_head import ConvHead
from .pyramid_fusion_head import PyramidFusionHead

__all__ = ['ConvHead', 'PyramidFusionHead']
