"""Networks that translate images."""

from .resnet_generator import ResNetGenerator

__all__ = ['ResNetGenerator']
