"""ISPRS Vaihingen: a small town at 9 cm."""

import re
from collections.abc import Sequence

from mmuda.datasets.public.metainfo import ISPRS_METAINFO, RASTER_SUFFIXES, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS

# area1 (mmseg's converter: area1_0_0_512_512) or top_mosaic_09cm_area1 (as downloaded)
_AREA = re.compile(r'area(\d+)(?:\D|$)')


@DATASETS.register_module()
class Vaihingen(RasterDataset):
    """ISPRS Vaihingen: 33 true orthophotos at 9 cm a pixel; near infrared, red, green.

    Layout as mmseg's converter writes it: ``<data_root>/img_dir/**/area*.png`` and ``<data_root>/ann_dir/**/area*.png``
    (.tif as well), labels 1 to 6, 0 ignored (hence ``reduce_zero_label``), or colours as downloaded. The bands stay in
    the file's order; mmseg's converter keeps that of the download, so near infrared is first.

    Args:
        split (str): ``'all'`` 33 images (SRDA-Net's source), ``'train'`` the benchmark's 16, ``'val'`` its other 17;
            whatever the subfolder.
        areas (Sequence[int] | None): Only these numbers of the split.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel; a nominal value may be given.
        reduce_zero_label (bool): Whether 0 is ignored and 1 is the first class.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = ISPRS_METAINFO
    TRAIN = frozenset((1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37))

    def __init__(
        self,
        split: str = 'all',
        areas: Sequence[int] | None = None,
        data_root: str = 'data/vaihingen',
        data_prefix: dict | None = None,
        gsd: float = 0.09,
        reduce_zero_label: bool = True,
        img_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        seg_map_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, split, ('all', 'train', 'val'))
        self.split = split
        self.areas = None if areas is None else frozenset(areas)
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path='img_dir', seg_map_path='ann_dir'),
            gsd=gsd,
            reduce_zero_label=reduce_zero_label,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            **kwargs,
        )

    def select(self, name: str) -> bool:
        """Whether the area belongs to the split."""
        match = _AREA.search(name)
        if match is None or not super().select(name) or (self.areas and int(match[1]) not in self.areas):
            return False
        return self.split == 'all' or (int(match[1]) in self.TRAIN) == (self.split == 'train')

    def describe_selection(self) -> str:
        """The rule of the split, for errors."""
        only = f' with one of the numbers {sorted(self.areas)}' if self.areas else ''
        return f'{self.split} split: area<number>{only}'
