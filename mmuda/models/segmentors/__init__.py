from .super_resolution_segmentor import SuperResolutionSegmentor

__all__ = ['SuperResolutionSegmentor']
