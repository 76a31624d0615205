"""Transforms that know the ground: crops, loading, resampling, flips, packing; and colours of another domain.

Imports ``datasets.raster`` and ``datasets.coarse``, and what these import.
"""

from mmuda.datasets.transforms.channel_order import LoadImageFromFile, PackSegInputs
from mmuda.datasets.transforms.coarse_labels import LoadCoarseLabels, LoadLabelWindow
from mmuda.datasets.transforms.colour_transfer import FourierTransfer, HistogramMatching, ReinhardTransfer
from mmuda.datasets.transforms.flip import RandomFlipAll, RandomQuarterTurn
from mmuda.datasets.transforms.formatting import PackUDAInputs
from mmuda.datasets.transforms.ground_crop import RandomGroundCrop
from mmuda.datasets.transforms.image_scale import RandomImageScale
from mmuda.datasets.transforms.loading import LoadRasterWindow
from mmuda.datasets.transforms.pad import Pad
from mmuda.datasets.transforms.photometric import PhotoMetricDistortion
from mmuda.datasets.transforms.resample import ResampleToGSD, ResolutionPair

__all__ = [
    'FourierTransfer',
    'HistogramMatching',
    'LoadCoarseLabels',
    'LoadImageFromFile',
    'LoadLabelWindow',
    'LoadRasterWindow',
    'PackSegInputs',
    'PackUDAInputs',
    'Pad',
    'PhotoMetricDistortion',
    'RandomFlipAll',
    'RandomGroundCrop',
    'RandomImageScale',
    'RandomQuarterTurn',
    'ReinhardTransfer',
    'ResampleToGSD',
    'ResolutionPair',
]
