"""Encoders."""

from .caffe_resnet import CaffeResNet
from .residual_aspp import NoAdaptBackbone, ResidualASPP
from .stem_resnet import StemResNet
from .vgg_features import VGGFeatures

__all__ = ['CaffeResNet', 'NoAdaptBackbone', 'ResidualASPP', 'StemResNet', 'VGGFeatures']
