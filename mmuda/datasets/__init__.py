"""Datasets: rasters read window by window, named streams, public benchmarks, transforms.

Imports ``registry``, ``structures`` and ``utils``; never ``models``.
"""

import lazy_loader

# A part is imported when it is used: what only reads rasters needs neither torch nor mmengine.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'coarse.datasets': ['CoarseLabelDataset', 'LabelMapDataset'],
        'coarse.low2high': ['Low2High', 'Low2HighExemplars'],
        'pairing': ['build_pairing'],
        'patch_set': ['PatchSet'],
        'public.drone_buildings': ['DroneBuildings'],
        'public.german_cities': ['GermanCity'],
        'public.inria': ['InriaBuildings'],
        'public.loveda': ['LoveDA'],
        'public.massachusetts': ['MassachusettsBuildings'],
        'public.openearthmap': ['OpenEarthMap'],
        'public.potsdam': ['Potsdam'],
        'public.roads': ['DeepGlobeRoads', 'MassachusettsRoads'],
        'public.street_scenes': ['Cityscapes', 'GTA5', 'Synthia'],
        'public.vaihingen': ['Vaihingen'],
        'raster.dataset': ['RasterDataset'],
        'sampler': ['DrawIndex', 'DrawSampler', 'EdgeSampler'],
        'transforms': [
            'LoadCoarseLabels',
            'LoadLabelWindow',
            'LoadRasterWindow',
            'PackUDAInputs',
            'RandomFlipAll',
            'RandomGroundCrop',
            'RandomImageScale',
            'RandomQuarterTurn',
            'ResampleToGSD',
            'ResolutionPair',
        ],
        'uda_dataset': ['UDADataset'],
    },
)
