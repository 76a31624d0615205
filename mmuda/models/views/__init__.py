from .base import View
from .super_resolved import SuperResolvedView

__all__ = ['SuperResolvedView', 'View']
