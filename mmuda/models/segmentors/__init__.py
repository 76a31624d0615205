"""Segmentors that mmseg does not have."""

from .direct_encoder_decoder import DirectEncoderDecoder
from .super_resolution_segmentor import SuperResolutionSegmentor

__all__ = ['DirectEncoderDecoder', 'SuperResolutionSegmentor']
