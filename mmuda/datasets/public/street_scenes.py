"""Street scenes, on which most of the compared methods were published: GTA5, SYNTHIA, Cityscapes."""

from collections.abc import Sequence

from mmseg.datasets import CityscapesDataset

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.registry import DATASETS
from mmuda.structures import IGNORE_INDEX

# The 19 classes by their number in Cityscapes' labelIds, which GTA5 shares.
_LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
# The 16 classes by their number in SYNTHIA.
_SYNTHIA_IDS = (3, 4, 2, 21, 5, 7, 15, 9, 6, 1, 10, 17, 8, 19, 12, 11)
_ALL = range(256)

SYNTHIA_CLASSES = tuple(
    name for name in CityscapesDataset.METAINFO['classes'] if name not in ('terrain', 'truck', 'train')
)
"""The 16 classes that SYNTHIA and Cityscapes share."""


def _values(ids: Sequence[int]) -> dict[int, int]:
    """Value in the file -> class index; all other values are ignored."""
    return {value: ids.index(value) if value in ids else IGNORE_INDEX for value in _ALL}


class _StreetScenes(Benchmark):
    """A street image has no ground sample distance: ``gsd`` is nominally 1, and crops are given in pixels."""

    METAINFO = dict(classes=CityscapesDataset.METAINFO['classes'], palette=CityscapesDataset.METAINFO['palette'])
    GSD = 1.0
    SUFFIXES = LABEL_SUFFIXES = '.png'
    LABEL_VALUES = _values(_LABEL_IDS)


@DATASETS.register_module()
class GTA5(_StreetScenes):
    """GTA5 (Richter et al. 2016): 24,966 game images of about 1914 x 1052 px, 19 classes, as distributed.

    Images 15188 and 17705, whose labels have another size, are left out.

    Layout: ``<data_root>/images/00001.png`` and ``<data_root>/labels/00001.png`` (label ids of Cityscapes).

    Args:
        **kwargs: As :class:`Benchmark`.
    """

    ROOT = 'data/gta5'
    FOLDERS = dict(img_path='images', seg_map_path='labels')
    UNFIT = ('15188', '17705')

    def select(self, name: str) -> bool:
        """Whether the label has the size of the image."""
        return super().select(name) and name not in self.UNFIT


@DATASETS.register_module()
class Synthia(_StreetScenes):
    """SYNTHIA-RAND-CITYSCAPES (Ros et al. 2016): 9,400 rendered images of 1280 x 760 px, 16 classes, as distributed.

    Layout: ``<data_root>/RGB/0000000.png`` and ``<data_root>/GT/LABELS/0000000.png`` (16 bits per band, the class in
        the first).

    Args:
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = dict(
        classes=SYNTHIA_CLASSES,
        palette=[
            colour
            for name, colour in zip(*(CityscapesDataset.METAINFO[key] for key in ('classes', 'palette')), strict=True)
            if name in SYNTHIA_CLASSES
        ],
    )
    ROOT = 'data/synthia'
    FOLDERS = dict(img_path='RGB', seg_map_path='GT/LABELS')
    LABEL_VALUES = _values(_SYNTHIA_IDS)
    LABEL_BAND = 1  # the second holds instances


@DATASETS.register_module()
class Cityscapes(_StreetScenes):
    """Cityscapes (Cordts et al. 2016): 2,975 training and 500 validation images of 2048 x 1024 px, as distributed.

    Layout: ``<data_root>/leftImg8bit/<split>/<city>/<name>_leftImg8bit.png`` and
    ``<data_root>/gtFine/<split>/<city>/<name>_gtFine_labelIds.png``. For the 16 classes of SYNTHIA set
    ``metainfo=dict(classes=...)`` to them; the other classes are then ignored.

    Args:
        split (str | None): ``'train'`` or ``'val'``.
        **kwargs: As :class:`Benchmark`.
    """

    SPLITS = ('train', 'val')
    ROOT = 'data/cityscapes'
    FOLDERS = dict(img_path='leftImg8bit/{split}', seg_map_path='gtFine/{split}')
    SUFFIXES, LABEL_SUFFIXES = '_leftImg8bit.png', '_gtFine_labelIds.png'
