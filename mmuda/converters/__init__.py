"""Converters from a download or a land cover product to a dataset on disk.

Imports ``datasets`` and ``utils``; never ``models``, ``engine`` or ``apis``.
"""

from mmuda.converters.low2high import Labels, build_low2high
from mmuda.converters.public.preparing import PUBLIC_DATASETS, prepare_public
from mmuda.converters.slippy.building import build_from_tiles
from mmuda.converters.slippy.naming import TILE_ORDERS
from mmuda.datasets.coarse.low2high import SPLITS

__all__ = ['PUBLIC_DATASETS', 'SPLITS', 'TILE_ORDERS', 'Labels', 'build_from_tiles', 'build_low2high', 'prepare_public']
