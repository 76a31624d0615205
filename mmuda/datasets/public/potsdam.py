"""ISPRS Potsdam: a city at 5 cm."""

import re
from collections.abc import Sequence

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import ISPRS_COLOURS, ISPRS_METAINFO
from mmuda.registry import DATASETS

# 2_10 (mmseg's converter: 2_10_0_0_512_512) or top_potsdam_2_10_IRRG (as downloaded)
_TILE = re.compile(r'(?:^|potsdam_)(\d+)_(\d+)(?:_|$)')
# Columns of the tiles for test in each row.
_TEST = {2: (13, 14), 3: (13, 14), 4: (13, 14, 15), 5: (13, 14, 15), 6: (13, 14, 15), 7: (13,)}

# Near infrared, red, green as in Vaihingen; eroded labels first, as in mmseg's conversion.
_DOWNLOADS = tuple(
    dict(
        FOLDERS=dict(img_path=images, seg_map_path=f'5_Labels_all{kind}'),
        SUFFIXES=suffix,
        LABEL_SUFFIXES=f'_label{kind}.tif',
        LABEL_COLOURS=ISPRS_COLOURS,
        ZERO_IS_IGNORED=False,
        BANDS=bands,
    )
    for images, suffix, bands in (
        ('3_Ortho_IRRG', '_IRRG.tif', (1, 2, 3)),
        ('4_Ortho_RGBIR', '_RGBIR.tif', (4, 1, 2)),
    )
    for kind in ('_noBoundary', '')
)


@DATASETS.register_module()
class Potsdam(Benchmark):
    """ISPRS Potsdam: 38 tiles of 6000 x 6000 px at 5 cm per pixel.

    Layout as written by mmseg's converter: ``<data_root>/img_dir/**/2_10*.png`` and
    ``<data_root>/ann_dir/**/2_10*.png`` (.tif as well), labels 1 to 6, 0 ignored (hence ``reduce_zero_label``), or
    colours as downloaded. For Vaihingen -> Potsdam convert the IRRG images (near infrared, red, green), so that the
    bands have the same meaning in both. Layout as downloaded: ``<data_root>/3_Ortho_IRRG/top_potsdam_2_10_IRRG.tif``,
    or bands 4, 1, 2 of ``4_Ortho_RGBIR``, and ``<data_root>/5_Labels_all_noBoundary`` (boundaries are ignored) or
    ``5_Labels_all``. To read ``2_Ortho_RGB`` give ``data_prefix``, both suffixes and ``label_colours``, as
    ``tools/dataset_converters/public.py`` prints them.

    The benchmark has 24 tiles for training and 14 for test, whose labels were released later (mmseg's ``train`` and
    ``val``). The division of the 24 is ours: SRDA-Net's 12 random tiles are not published, so training uses every
    second tile in the order of row and column. Splits go by name; subfolders do not matter.

    Args:
        split (str | None): ``'train'`` or ``'val'``, 12 tiles each, ``'all'`` these 24, or ``'test'`` the other 14.
        tiles (Sequence[str] | None): Use only these tiles of the split, e.g. ``'2_10'``.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Folders that override the layout's.
        gsd (float): Metres per pixel; a nominal value may be given, e.g. 0.045, half of Vaihingen's.
        reduce_zero_label (bool): Whether 0 is ignored and 1 is the first class.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = ISPRS_METAINFO
    SPLITS = ('train', 'val', 'all', 'test')
    ROOT = 'data/potsdam'
    GSD = 0.05
    ZERO_IS_IGNORED = True
    DOWNLOADS = _DOWNLOADS
    TILES = dict(
        train=('2_10', '2_12', '3_11', '4_10', '4_12', '5_11', '6_7', '6_9', '6_11', '7_7', '7_9', '7_11'),
        val=('2_11', '3_10', '3_12', '4_11', '5_10', '5_12', '6_8', '6_10', '6_12', '7_8', '7_10', '7_12'),
        test=tuple(f'{row}_{column}' for row, columns in _TEST.items() for column in columns),
    )

    def __init__(self, split: str | None = None, tiles: Sequence[str] | None = None, **kwargs) -> None:
        self.only = tiles
        super().__init__(split, **kwargs)

    @property
    def tiles(self) -> tuple[str, ...]:
        """The selected tiles."""
        of_split = self.TILES['train'] + self.TILES['val'] if self.split == 'all' else self.TILES[self.split]
        return of_split if self.only is None else tuple(tile for tile in of_split if tile in self.only)

    def select(self, name: str) -> bool:
        """Whether the tile belongs to the split."""
        match = _TILE.search(name)
        return super().select(name) and match is not None and f'{int(match[1])}_{int(match[2])}' in self.tiles

    def describe_selection(self) -> str:
        """The rule that defines the split, for errors."""
        return f'{self.split} split: <row>_<column> is one of {", ".join(self.tiles)}'
