"""Encoders."""

from .caffe_resnet import CaffeResNet
from .efficientnet_lite import EfficientNetLite
from .mobilenet import MobileNetV2, MobileNetV3
from .residual_aspp import NoAdaptBackbone, ResidualASPP
from .stem_resnet import StemResNet
from .vgg_features import VGGFeatures

__all__ = [
    'CaffeResNet',
    'EfficientNetLite',
    'MobileNetV2',
    'MobileNetV3',
    'NoAdaptBackbone',
    'ResidualASPP',
    'StemResNet',
    'VGGFeatures',
]
