from .adversarial import AdversarialAlignment
from .base import Term
from .supervised import SupervisedTerm
from .tap_loss import TapLoss

__all__ = ['AdversarialAlignment', 'SupervisedTerm', 'TapLoss', 'Term']
