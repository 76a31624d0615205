"""Additional batches that terms ask for; one file per idea."""

from .base import View
from .super_resolved import SuperResolvedView

__all__ = ['SuperResolvedView', 'View']
