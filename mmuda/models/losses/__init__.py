from .gan_loss import GANLoss
from .perceptual_loss import PerceptualLoss
from .pixel_loss import PixelL1Loss, PixelMSELoss
from .total_variation_loss import TotalVariationLoss

__all__ = ['GANLoss', 'PerceptualLoss', 'PixelL1Loss', 'PixelMSELoss', 'TotalVariationLoss']
