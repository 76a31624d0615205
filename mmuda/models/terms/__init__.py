from .adversarial import AdversarialAlignment
from .base import Term
from .category import CategoryAlignment
from .discrepancy import DiscrepancyAlignment, ParameterSimilarity, TapCrossEntropy
from .forward_term import ForwardTerm
from .instance import InstanceAlignment
from .style_content import StyleContentAlignment
from .supervised import SupervisedTerm
from .tap_loss import TapLoss

__all__ = [
    'AdversarialAlignment',
    'CategoryAlignment',
    'DiscrepancyAlignment',
    'ForwardTerm',
    'InstanceAlignment',
    'ParameterSimilarity',
    'StyleContentAlignment',
    'SupervisedTerm',
    'TapCrossEntropy',
    'TapLoss',
    'Term',
]
