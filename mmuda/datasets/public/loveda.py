"""LoveDA (Wang et al. 2021): land cover of Nanjing, Changzhou and Wuhan, urban and rural, at 0.3 m."""

from __future__ import annotations

from mmseg.datasets import LoveDADataset

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import check_split
from mmuda.registry import DATASETS


@DATASETS.register_module()
class LoveDA(Benchmark):
    """LoveDA: 5,987 images of 1024 x 1024 px at 0.3 m per pixel, seven classes of land cover.

    Layout as downloaded: ``<data_root>/<Split>/<Area>/images_png/<number>.png`` and
    ``<data_root>/<Split>/<Area>/masks_png/<number>.png``, e.g. ``Train/Urban``; labels 1 to 7, 0 is no data (hence
    ``reduce_zero_label``). Urban and rural images: 1,156 and 1,366 for training, 677 and 992 for validation. The
    labels of the 1,796 images for test are withheld (``labelled=False``).

    Args:
        area (str): ``'urban'`` or ``'rural'``.
        split (str | None): ``'train'``, ``'val'`` or ``'test'``.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = dict(classes=LoveDADataset.METAINFO['classes'], palette=LoveDADataset.METAINFO['palette'])
    SPLITS = ('train', 'val', 'test')
    ROOT = 'data/loveda'
    GSD = 0.3
    SUFFIXES = LABEL_SUFFIXES = '.png'
    ZERO_IS_IGNORED = True
    AREAS = ('urban', 'rural')

    def __init__(self, area: str, split: str | None = None, data_prefix: dict | None = None, **kwargs) -> None:
        check_split(type(self).__name__, area, self.AREAS, 'area')
        self.area = area
        folder = f'{(split or self.SPLITS[0]).capitalize()}/{area.capitalize()}'
        folders = dict(img_path=f'{folder}/images_png', seg_map_path=f'{folder}/masks_png')
        super().__init__(split, data_prefix or folders, **kwargs)
