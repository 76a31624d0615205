"""Discriminators tell which domain a map comes from, per pixel, patch or image."""

from .aspp_discriminator import ASPPDiscriminator
from .fc_discriminator import FCDiscriminator
from .inverted_bottleneck_discriminator import InvertedBottleneckDiscriminator
from .patch_discriminator import PatchDiscriminator
from .residual_discriminator import ResidualDiscriminator

__all__ = [
    'ASPPDiscriminator',
    'FCDiscriminator',
    'InvertedBottleneckDiscriminator',
    'PatchDiscriminator',
    'ResidualDiscriminator',
]
