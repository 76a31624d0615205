"""Hannover, Buxtehude and Nienburg: true orthophotos at 20 cm of the semantic pairing paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import ISPRS_METAINFO, check_split
from mmuda.registry import DATASETS

_TILE = re.compile(r'_(\d+)_(\d+)$')


@DATASETS.register_module()
class GermanCity(Benchmark):
    """One city: 16 tiles of 2500 x 2500 px at 20 cm, near infrared, red, green, with the six ISPRS classes.

    Layout: ``<data_root>/img_dir/<city>_<row>_<col>.tif`` and ``<data_root>/ann_dir/<city>_<row>_<col>.tif`` with rows
    and columns 0 to 3; labels hold 0 to 5. Ten tiles are used for training, the others for validation. The paper's
    split is not published; here training uses the first ten of a seeded permutation of all 16.

    Args:
        city (str): ``'hannover'``, ``'buxtehude'`` or ``'nienburg'``.
        split (str | None): ``'train'``, ``'val'`` or ``'all'``.
        omit (Sequence[str]): Tiles to leave out, e.g. ``'0_3'``. The paper leaves out one tile of Hannover that is
            almost entirely tree, but does not say which.
        seed (int): Seed of the split.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = ISPRS_METAINFO
    SPLITS = ('train', 'val', 'all')
    ROOT = 'data/german_cities'
    GSD = 0.2
    CITIES = ('hannover', 'buxtehude', 'nienburg')
    SIDE, NUM_TRAIN = 4, 10

    def __init__(self, city: str, split: str | None = None, omit: Sequence[str] = (), seed: int = 0, **kwargs) -> None:
        check_split(type(self).__name__, city, self.CITIES, 'city')
        self.city = city
        tiles = [f'{row}_{col}' for row in range(self.SIDE) for col in range(self.SIDE)]
        self.order = [tiles[i] for i in np.random.default_rng(seed).permutation(len(tiles)) if tiles[i] not in omit]
        super().__init__(split, **kwargs)

    @property
    def tiles(self) -> list[str]:
        """The selected tiles."""
        order, number = self.order, self.NUM_TRAIN
        return dict(train=order[:number], val=order[number:], all=order)[self.split]

    def select(self, name: str) -> bool:
        """Whether the tile is of the city and the split."""
        match = _TILE.search(name)
        own = match is not None and name[: match.start()] == self.city
        return super().select(name) and own and f'{int(match[1])}_{int(match[2])}' in self.tiles

    def describe_selection(self) -> str:
        """The rule that defines the split, for errors."""
        return f'{self.split} split: {self.city}_<row>_<col> with <row>_<col> one of {", ".join(sorted(self.tiles))}'
