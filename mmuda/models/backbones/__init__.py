from .residual_aspp import NoAdaptBackbone, ResidualASPP
from .vgg_features import VGGFeatures

__all__ = ['NoAdaptBackbone', 'ResidualASPP', 'VGGFeatures']
