"""Transforms that know the ground: crops, loading, resampling, flips, packing."""

from mmuda.datasets.transforms.flip import RandomFlipAll
from mmuda.datasets.transforms.formatting import PackUDAInputs
from mmuda.datasets.transforms.ground_crop import RandomGroundCrop
from mmuda.datasets.transforms.loading import LoadRasterWindow
from mmuda.datasets.transforms.resample import ResampleToGSD, ResolutionPair

__all__ = [
    'LoadRasterWindow',
    'PackUDAInputs',
    'RandomFlipAll',
    'RandomGroundCrop',
    'ResampleToGSD',
    'ResolutionPair',
]
