"""Additional batches that terms ask for; one file per idea."""

from .base import View
from .channel_dropout import ChannelDropout
from .pseudo_labels import PseudoLabels
from .super_resolved import SuperResolvedView

__all__ = ['ChannelDropout', 'PseudoLabels', 'SuperResolvedView', 'View']
