from .aspp_discriminator import ASPPDiscriminator
from .fc_discriminator import FCDiscriminator
from .patch_discriminator import PatchDiscriminator

__all__ = ['ASPPDiscriminator', 'FCDiscriminator', 'PatchDiscriminator']
