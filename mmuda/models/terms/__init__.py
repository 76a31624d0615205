from .adversarial import AdversarialAlignment
from .base import Term
from .category import CategoryAlignment
from .instance import InstanceAlignment
from .style_content import StyleContentAlignment
from .supervised import SupervisedTerm
from .tap_loss import TapLoss

__all__ = [
    'AdversarialAlignment',
    'CategoryAlignment',
    'InstanceAlignment',
    'StyleContentAlignment',
    'SupervisedTerm',
    'TapLoss',
    'Term',
]
