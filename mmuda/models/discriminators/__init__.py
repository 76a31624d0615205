from .fc_discriminator import FCDiscriminator
from .patch_discriminator import PatchDiscriminator

__all__ = ['FCDiscriminator', 'PatchDiscriminator']
