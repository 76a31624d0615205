"""Segmentors that mmseg does not have."""

from .direct_encoder_decoder import DirectEncoderDecoder
from .hrda import HRDA
from .super_resolution_segmentor import SuperResolutionSegmentor

__all__ = ['HRDA', 'DirectEncoderDecoder', 'SuperResolutionSegmentor']
