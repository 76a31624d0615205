"""Inria Aerial Image Labeling (Maggiori et al. 2017): five labelled cities at 0.3 m."""

import re
from collections.abc import Sequence

from mmuda.datasets.public.metainfo import BUILDING_METAINFO, RASTER_SUFFIXES, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS

# austin1, tyrol-w36, and what is cut from them: vienna12_0_512
_NAME = re.compile(r'([A-Za-z-]+)(\d+)(?:\D|$)')


@DATASETS.register_module()
class InriaBuildings(RasterDataset):
    """Inria Aerial Image Labeling: 180 labelled tiles of 5000 x 5000 px at 0.3 m a pixel, 36 of each of five cities.

    Layout: ``<data_root>/img_dir/**/<city><number>.tif`` and ``<data_root>/ann_dir/**/<city><number>.tif``. The split
    is by number, whatever the subfolder: images 1 to 5 of each city validate and 6 to 36 train, as in SRDA-Net and
    most of the literature. Labels hold 0 (background) and 1 (building); for the masks as downloaded set
    ``data_prefix=dict(img_path='train/images', seg_map_path='train/gt')`` and ``label_values={0: 0, 255: 1}``.

    Args:
        split (str): ``'train'`` or ``'val'``.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = BUILDING_METAINFO
    NUMBERS = dict(train=range(6, 37), val=range(1, 6))

    def __init__(
        self,
        split: str = 'train',
        data_root: str = 'data/inria',
        data_prefix: dict | None = None,
        gsd: float = 0.3,
        img_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        seg_map_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, split, tuple(self.NUMBERS))
        self.split = split
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path='img_dir', seg_map_path='ann_dir'),
            gsd=gsd,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            **kwargs,
        )

    def select(self, name: str) -> bool:
        """Whether the number after the city's name belongs to the split."""
        match = _NAME.match(name)
        return super().select(name) and match is not None and int(match[2]) in self.NUMBERS[self.split]

    def describe_selection(self) -> str:
        """The rule of the split, for errors."""
        numbers = self.NUMBERS[self.split]
        return f'{self.split} split: <city><number> with {numbers[0]} <= number <= {numbers[-1]}'
