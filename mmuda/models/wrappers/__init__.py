from .domain_adaptation import DomainAdaptation
from .forward_context import ForwardContext
from .image_translation import ImageTranslation
from .masked_autoencoder import MaskedAutoencoder
from .plan import Stage, Step
from .plan_executor import PlanExecutor

__all__ = [
    'DomainAdaptation',
    'ForwardContext',
    'ImageTranslation',
    'MaskedAutoencoder',
    'PlanExecutor',
    'Stage',
    'Step',
]
