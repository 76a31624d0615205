from .adversarial import AdversarialAlignment
from .base import Term
from .style_content import StyleContentAlignment
from .supervised import SupervisedTerm
from .tap_loss import TapLoss

__all__ = ['AdversarialAlignment', 'StyleContentAlignment', 'SupervisedTerm', 'TapLoss', 'Term']
