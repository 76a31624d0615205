"""Heads that super-resolve."""

from .super_resolution_head import SuperResolutionHead

__all__ = ['SuperResolutionHead']
