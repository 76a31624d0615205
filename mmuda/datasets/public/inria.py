"""Inria Aerial Image Labeling (Maggiori et al. 2017): five labelled cities at 0.3 m."""

import re

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import BUILDING_METAINFO
from mmuda.registry import DATASETS

# austin1, tyrol-w36, and crops of them: vienna12_0_512
_NAME = re.compile(r'([A-Za-z-]+)(\d+)(?:\D|$)')


@DATASETS.register_module()
class InriaBuildings(Benchmark):
    """Inria Aerial Image Labeling: 180 labelled tiles of 5000 x 5000 px at 0.3 m per pixel, 36 of each of five cities.

    Layout: ``<data_root>/img_dir/**/<city><number>.tif`` and ``<data_root>/ann_dir/**/<city><number>.tif``. The split
    goes by number; subfolders do not matter. Images 1 to 5 of each city are for validation and 6 to 36 for training, as
    in SRDA-Net and most of the literature. Labels hold 0 (background) and 1 (building). Layout as downloaded:
    ``<data_root>/train/images`` and ``<data_root>/train/gt``, whose masks hold 0 and 255.

    Args:
        split (str | None): ``'train'`` or ``'val'``.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = BUILDING_METAINFO
    NUMBERS = dict(train=range(6, 37), val=range(1, 6))
    SPLITS = tuple(NUMBERS)
    ROOT = 'data/inria'
    GSD = 0.3
    DOWNLOADS = (dict(FOLDERS=dict(img_path='train/images', seg_map_path='train/gt'), LABEL_VALUES={0: 0, 255: 1}),)

    def select(self, name: str) -> bool:
        """Whether the number after the city's name belongs to the split."""
        match = _NAME.match(name)
        return super().select(name) and match is not None and int(match[2]) in self.NUMBERS[self.split]

    def describe_selection(self) -> str:
        """The rule that defines the split, for errors."""
        numbers = self.NUMBERS[self.split]
        return f'{self.split} split: <city><number> with {numbers[0]} <= number <= {numbers[-1]}'
