"""Networks, losses, terms and the wrappers that train them.

Imports ``checkpoints``, ``registry``, ``structures`` and ``utils``; never ``datasets``, ``engine`` or ``apis``.
"""

from .adapters import *  # noqa: F403
from .backbones import *  # noqa: F403
from .data_preprocessor import UDADataPreprocessor
from .decode_heads import *  # noqa: F403
from .discriminators import *  # noqa: F403
from .generators import *  # noqa: F403
from .losses import *  # noqa: F403
from .segmentors import *  # noqa: F403
from .sr_heads import *  # noqa: F403
from .terms import *  # noqa: F403
from .views import *  # noqa: F403
from .weight_init import KaimingWeightsInit
from .wrappers import *  # noqa: F403

__all__ = ['UDADataPreprocessor']
