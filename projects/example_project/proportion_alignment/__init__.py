from .alignment import ProportionAlignment
from .discriminator import DilatedDiscriminator
from .loss import ProportionLoss
from .transform import RandomIllumination
from .wrapper import RampedAdaptation

__all__ = ['DilatedDiscriminator', 'ProportionAlignment', 'ProportionLoss', 'RampedAdaptation', 'RandomIllumination']
