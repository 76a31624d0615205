from .base import SegmentorAdapter, build_adapter
from .encoder_decoder import EncoderDecoderAdapter
from .super_resolution import SuperResolutionAdapter

__all__ = ['EncoderDecoderAdapter', 'SegmentorAdapter', 'SuperResolutionAdapter', 'build_adapter']
