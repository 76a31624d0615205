"""Adapters, which read a kind of segmentor. Imports ``segmentors``."""

from .base import BATCH_TAPS, MODULE_PREFIX, PARAMETERS_PREFIX, SegmentorAdapter, build_adapter
from .encoder_decoder import EncoderDecoderAdapter
from .hrda import HRDAAdapter
from .super_resolution import SuperResolutionAdapter
from .weighting import head_losses, refuse_unweighted

__all__ = [
    'BATCH_TAPS',
    'MODULE_PREFIX',
    'PARAMETERS_PREFIX',
    'EncoderDecoderAdapter',
    'HRDAAdapter',
    'SegmentorAdapter',
    'build_adapter',
    'head_losses',
    'refuse_unweighted',
]
