"""Additional batches that terms ask for; one file per idea."""

from .base import View
from .pseudo_labels import PseudoLabels
from .super_resolved import SuperResolvedView

__all__ = ['PseudoLabels', 'SuperResolvedView', 'View']
