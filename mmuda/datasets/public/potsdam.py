"""ISPRS Potsdam: a city at 5 cm."""

import re
from collections.abc import Sequence

from mmuda.datasets.public.metainfo import ISPRS_METAINFO, RASTER_SUFFIXES, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS

# 2_10 (mmseg's converter: 2_10_0_0_512_512) or top_potsdam_2_10_IRRG (as downloaded)
_TILE = re.compile(r'(?:^|potsdam_)(\d+)_(\d+)(?:_|$)')


@DATASETS.register_module()
class Potsdam(RasterDataset):
    """ISPRS Potsdam: 24 labelled tiles of 6000 x 6000 px at 5 cm a pixel, 12 for training and 12 for testing.

    Layout as mmseg's converter writes it: ``<data_root>/img_dir/**/2_10*.png`` and ``<data_root>/ann_dir/**/2_10*.png``
    (.tif as well), labels 1 to 6, 0 ignored (hence ``reduce_zero_label``), or colours as downloaded. For Vaihingen ->
    Potsdam convert the IRRG images (near infrared, red, green), so that the bands mean the same in both.

    The split is ours: SRDA-Net's 12 random tiles are not published, so every second tile in the order of row and column
    trains. It is by name, whatever the subfolder.

    Args:
        split (str): ``'train'`` or ``'val'``, 12 tiles each, or ``'all'`` 24.
        tiles (Sequence[str] | None): Only these of the split, as ``'2_10'``.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel; a nominal value may be given, e.g. 0.045, half of Vaihingen's.
        reduce_zero_label (bool): Whether 0 is ignored and 1 is the first class.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = ISPRS_METAINFO
    TILES = dict(
        train=('2_10', '2_12', '3_11', '4_10', '4_12', '5_11', '6_7', '6_9', '6_11', '7_7', '7_9', '7_11'),
        val=('2_11', '3_10', '3_12', '4_11', '5_10', '5_12', '6_8', '6_10', '6_12', '7_8', '7_10', '7_12'),
    )

    def __init__(
        self,
        split: str = 'train',
        tiles: Sequence[str] | None = None,
        data_root: str = 'data/potsdam',
        data_prefix: dict | None = None,
        gsd: float = 0.05,
        reduce_zero_label: bool = True,
        img_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        seg_map_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, split, ('train', 'val', 'all'))
        self.split = split
        of_split = self.TILES['train'] + self.TILES['val'] if split == 'all' else self.TILES[split]
        self.tiles = of_split if tiles is None else tuple(tile for tile in of_split if tile in tiles)
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
        """Whether the tile belongs to the split."""
        match = _TILE.search(name)
        return super().select(name) and match is not None and f'{int(match[1])}_{int(match[2])}' in self.tiles

    def describe_selection(self) -> str:
        """The rule of the split, for errors."""
        return f'{self.split} split: <row>_<column> is one of {", ".join(self.tiles)}'
