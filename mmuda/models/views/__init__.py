"""Additional batches that terms ask for; one file per idea."""

from .base import View
from .built_on import BuiltOn
from .channel_dropout import ChannelDropout
from .class_mix import ClassMix
from .cut_mix import CutMix
from .flipped import Flipped, flip
from .masked import Masked
from .mix import Mix
from .pseudo_labels import PseudoLabels
from .strong_augmentation import StrongAugmentation
from .super_resolved import SuperResolvedView

__all__ = [
    'BuiltOn',
    'ChannelDropout',
    'ClassMix',
    'CutMix',
    'Flipped',
    'Masked',
    'Mix',
    'PseudoLabels',
    'StrongAugmentation',
    'SuperResolvedView',
    'View',
    'flip',
]
