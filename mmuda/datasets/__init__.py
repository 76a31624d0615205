"""Datasets: rasters read window by window, named streams, public benchmarks, transforms.

Imports ``registry``, ``structures`` and ``utils``; never ``models``.
"""

from mmuda.datasets.coarse.datasets import CoarseLabelDataset, LabelMapDataset
from mmuda.datasets.coarse.low2high import Low2High, Low2HighExemplars
from mmuda.datasets.pairing import build_pairing
from mmuda.datasets.patch_set import PatchSet
from mmuda.datasets.public.drone_buildings import DroneBuildings
from mmuda.datasets.public.german_cities import GermanCity
from mmuda.datasets.public.inria import InriaBuildings
from mmuda.datasets.public.loveda import LoveDA
from mmuda.datasets.public.massachusetts import MassachusettsBuildings
from mmuda.datasets.public.openearthmap import OpenEarthMap
from mmuda.datasets.public.potsdam import Potsdam
from mmuda.datasets.public.roads import DeepGlobeRoads, MassachusettsRoads
from mmuda.datasets.public.street_scenes import GTA5, Cityscapes, Synthia
from mmuda.datasets.public.vaihingen import Vaihingen
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.sampler import DrawIndex, DrawSampler, EdgeSampler
from mmuda.datasets.transforms import (
    LoadCoarseLabels,
    LoadLabelWindow,
    LoadRasterWindow,
    PackUDAInputs,
    RandomFlipAll,
    RandomGroundCrop,
    RandomImageScale,
    RandomQuarterTurn,
    ResampleToGSD,
    ResolutionPair,
)
from mmuda.datasets.uda_dataset import UDADataset

__all__ = [
    'GTA5',
    'Cityscapes',
    'CoarseLabelDataset',
    'DeepGlobeRoads',
    'DrawIndex',
    'DrawSampler',
    'EdgeSampler',
    'DroneBuildings',
    'GermanCity',
    'InriaBuildings',
    'LabelMapDataset',
    'LoadCoarseLabels',
    'LoadLabelWindow',
    'LoadRasterWindow',
    'LoveDA',
    'Low2High',
    'Low2HighExemplars',
    'MassachusettsBuildings',
    'MassachusettsRoads',
    'OpenEarthMap',
    'PackUDAInputs',
    'PatchSet',
    'Potsdam',
    'RandomFlipAll',
    'RandomGroundCrop',
    'RandomImageScale',
    'RandomQuarterTurn',
    'RasterDataset',
    'ResampleToGSD',
    'ResolutionPair',
    'Synthia',
    'UDADataset',
    'Vaihingen',
    'build_pairing',
]
