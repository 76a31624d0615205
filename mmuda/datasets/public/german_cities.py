"""Hannover, Buxtehude and Nienburg: true orthophotos at 20 cm of the semantic pairing paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mmuda.datasets.public.metainfo import ISPRS_METAINFO, RASTER_SUFFIXES, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS

_TILE = re.compile(r'_(\d+)_(\d+)$')


@DATASETS.register_module()
class GermanCity(RasterDataset):
    """One city: 16 tiles of 2500 x 2500 px at 20 cm, near infrared, red, green, with the six ISPRS classes.

    Layout: ``<data_root>/img_dir/<city>_<row>_<col>.tif`` and ``<data_root>/ann_dir/<city>_<row>_<col>.tif`` with rows
    and columns 0 to 3; labels hold 0 to 5. Ten tiles train, the others validate. The paper's draw is not published:
    here it is the first ten of a permutation of all 16 by the seed.

    Args:
        city (str): ``'hannover'``, ``'buxtehude'`` or ``'nienburg'``.
        split (str): ``'train'``, ``'val'`` or ``'all'``.
        omit (Sequence[str]): Tiles to leave out, as ``'0_3'``. The paper leaves out one of Hannover that is almost
            exclusively tree, and does not say which.
        seed (int): Seed of the split.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = ISPRS_METAINFO
    CITIES = ('hannover', 'buxtehude', 'nienburg')
    SIDE, NUM_TRAIN = 4, 10

    def __init__(
        self,
        city: str,
        split: str = 'train',
        omit: Sequence[str] = (),
        seed: int = 0,
        data_root: str = 'data/german_cities',
        data_prefix: dict | None = None,
        gsd: float = 0.2,
        img_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        seg_map_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, city, self.CITIES, 'city')
        check_split(type(self).__name__, split, ('train', 'val', 'all'))
        tiles = [f'{row}_{col}' for row in range(self.SIDE) for col in range(self.SIDE)]
        order = [tiles[i] for i in np.random.default_rng(seed).permutation(len(tiles)) if tiles[i] not in omit]
        self.tiles = dict(train=order[: self.NUM_TRAIN], val=order[self.NUM_TRAIN :], all=order)[split]
        self.city, self.split = city, split
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path='img_dir', seg_map_path='ann_dir'),
            gsd=gsd,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            **kwargs,
        )

    def select(self, name: str) -> bool:
        """Whether the tile is of the city and the split."""
        match = _TILE.search(name)
        own = match is not None and name[: match.start()] == self.city
        return super().select(name) and own and f'{int(match[1])}_{int(match[2])}' in self.tiles

    def describe_selection(self) -> str:
        """The rule of the split, for errors."""
        return f'{self.split} split: {self.city}_<row>_<col> with <row>_<col> one of {", ".join(sorted(self.tiles))}'
