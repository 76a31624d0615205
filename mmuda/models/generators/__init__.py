from .resnet_generator import ResNetGenerator

__all__ = ['ResNetGenerator']
