"""Wrappers that execute the update plan: adaptation, image translation, masked autoencoder.

Imports ``adapters`` and ``terms``.
"""

from .channel_checks import check_channels, explain_channels
from .domain_adaptation import DEFAULT_TERMS, DomainAdaptation
from .forward_context import ForwardContext
from .head_checks import check_heads, heads_by_key
from .image_translation import ImageTranslation
from .masked_autoencoder import MaskedAutoencoder
from .plan import Stage, Step
from .plan_executor import PlanExecutor
from .teacher import Teacher

__all__ = [
    'DEFAULT_TERMS',
    'DomainAdaptation',
    'ForwardContext',
    'ImageTranslation',
    'MaskedAutoencoder',
    'PlanExecutor',
    'Stage',
    'Step',
    'Teacher',
    'check_channels',
    'check_heads',
    'explain_channels',
    'heads_by_key',
]
