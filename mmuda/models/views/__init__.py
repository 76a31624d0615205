"""Further batches that a term asks for, one file an idea."""

from .base import View
from .super_resolved import SuperResolvedView

__all__ = ['SuperResolvedView', 'View']
