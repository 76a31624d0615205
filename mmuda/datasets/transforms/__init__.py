"""Transforms that know the ground: crops, loading, resampling, flips, packing; and colours of another domain.

Imports ``datasets.raster`` and ``datasets.coarse``, and what these import.
"""

import lazy_loader

# A part is imported when it is used: what only reads rasters needs neither torch nor mmengine.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'channel_order': ['LoadImageFromFile', 'PackSegInputs'],
        'coarse_labels': ['LoadCoarseLabels', 'LoadLabelWindow'],
        'colour_transfer': ['FourierTransfer', 'HistogramMatching', 'ReinhardTransfer'],
        'flip': ['RandomFlipAll', 'RandomQuarterTurn'],
        'formatting': ['PackUDAInputs'],
        'ground_crop': ['RandomGroundCrop'],
        'image_scale': ['RandomImageScale'],
        'loading': ['LoadRasterWindow'],
        'pad': ['Pad'],
        'photometric': ['PhotoMetricDistortion'],
        'resample': ['ResampleToGSD', 'ResolutionPair'],
    },
)
