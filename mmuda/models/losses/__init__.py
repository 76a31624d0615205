"""Tensors in, a number out. Imports no other part of the models."""

from .diversity_loss import DiversityLoss
from .entropy_loss import EntropyLoss, MaxSquareLoss, self_information
from .gan_loss import GANLoss
from .gram_loss import GramLoss
from .mmd_loss import MMDLoss
from .perceptual_loss import PerceptualLoss
from .pixel_loss import PixelL1Loss, PixelMSELoss
from .region_aggregation import aggregate_regions, labels_of_regions
from .total_variation_loss import TotalVariationLoss

__all__ = [
    'DiversityLoss',
    'EntropyLoss',
    'GANLoss',
    'GramLoss',
    'MMDLoss',
    'MaxSquareLoss',
    'PerceptualLoss',
    'PixelL1Loss',
    'PixelMSELoss',
    'TotalVariationLoss',
    'aggregate_regions',
    'labels_of_regions',
    'self_information',
]
