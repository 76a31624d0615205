"""ISPRS Vaihingen: a small town at 9 cm."""

import re
from collections.abc import Sequence

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import ISPRS_COLOURS, ISPRS_METAINFO
from mmuda.registry import DATASETS

# area1 (mmseg's converter: area1_0_0_512_512) or top_mosaic_09cm_area1 (as downloaded)
_AREA = re.compile(r'area(\d+)(?:\D|$)')

_LABELS = 'ISPRS_semantic_labeling_Vaihingen_ground_truth'
# Eroded labels first, as in mmseg's conversion.
_DOWNLOADS = tuple(
    dict(
        FOLDERS=dict(img_path='top', seg_map_path=f'{_LABELS}_{kind}'),
        SUFFIXES='.tif',
        LABEL_SUFFIXES=suffix,
        LABEL_COLOURS=ISPRS_COLOURS,
        ZERO_IS_IGNORED=False,
    )
    for kind, suffix in (('eroded_COMPLETE', '_noBoundary.tif'), ('COMPLETE', '.tif'))
)


@DATASETS.register_module()
class Vaihingen(Benchmark):
    """ISPRS Vaihingen: 33 true orthophotos at 9 cm per pixel; near infrared, red, green.

    Layout as written by mmseg's converter: ``<data_root>/img_dir/**/area*.png`` and
    ``<data_root>/ann_dir/**/area*.png`` (.tif as well), labels 1 to 6, 0 ignored (hence ``reduce_zero_label``), or
    colours as downloaded. Bands keep the file's order. mmseg's converter keeps the order of the download, so near
    infrared is first. Layout as downloaded: ``<data_root>/top/top_mosaic_09cm_area*.tif`` and the unpacked folder of
    the eroded labels, whose boundaries are ignored; if that is missing, the folder of the complete ones.

    Args:
        split (str | None): ``'all'`` 33 images (SRDA-Net's source), ``'train'`` the benchmark's 16, ``'val'`` its other
            17; subfolders do not matter.
        areas (Sequence[int] | None): Use only these area numbers of the split.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = ISPRS_METAINFO
    SPLITS = ('all', 'train', 'val')
    ROOT = 'data/vaihingen'
    GSD = 0.09
    ZERO_IS_IGNORED = True
    DOWNLOADS = _DOWNLOADS
    TRAIN = frozenset((1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37))

    def __init__(self, split: str | None = None, areas: Sequence[int] | None = None, **kwargs) -> None:
        self.areas = None if areas is None else frozenset(areas)
        super().__init__(split, **kwargs)

    def select(self, name: str) -> bool:
        """Whether the area belongs to the split."""
        match = _AREA.search(name)
        if match is None or not super().select(name) or (self.areas and int(match[1]) not in self.areas):
            return False
        return self.split == 'all' or (int(match[1]) in self.TRAIN) == (self.split == 'train')

    def describe_selection(self) -> str:
        """The rule that defines the split, for errors."""
        only = f' with one of the numbers {sorted(self.areas)}' if self.areas else ''
        return f'{self.split} split: area<number>{only}'
