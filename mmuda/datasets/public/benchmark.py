"""The base of public benchmarks, each a set of class attributes and, if files must be selected, a ``select``."""

from __future__ import annotations

from collections.abc import Mapping

from mmuda.datasets.public.metainfo import RASTER_SUFFIXES, check_split
from mmuda.datasets.raster.dataset import RasterDataset


class Benchmark(RasterDataset):
    """Base of the public benchmarks. Class attributes describe a benchmark's layout; arguments override them.

    A new benchmark::

        @DATASETS.register_module()
        class MyCity(Benchmark):
            METAINFO = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
            SPLITS = ('train', 'val')
            ROOT = 'data/my_city'
            FOLDERS = dict(img_path='{split}/images', seg_map_path='{split}/masks')
            GSD = 0.5

    Attributes:
        SPLITS: Its splits, the default first; empty if it has none.
        ROOT: Default of ``data_root``.
        FOLDERS: Default of ``data_prefix``; ``{split}`` stands for the split.
        GSD: Default of ``gsd``, metres per pixel; None uses the georeference. SUFFIXES, LABEL_SUFFIXES: Defaults of
        ``img_suffix`` and ``seg_map_suffix``.
        LABEL_VALUES: Default of ``label_values``.
        LABEL_BAND: Default of ``label_band``.
        ZERO_IS_IGNORED: Default of ``reduce_zero_label``.

    Args:
        split (str | None): One of ``SPLITS``; None is the first.
        data_prefix (dict | None): Folders that override the layout's.
        label_values (dict | None): Value in the label -> class index; None uses the layout's.
        **kwargs: As :class:`RasterDataset`.

    Raises:
        UserError: There is no such split.
    """

    SPLITS: tuple[str, ...] = ()
    ROOT: str
    FOLDERS: Mapping[str, str] = dict(img_path='img_dir', seg_map_path='ann_dir')
    GSD: float | None = None
    SUFFIXES: str | tuple[str, ...] = RASTER_SUFFIXES
    LABEL_SUFFIXES: str | tuple[str, ...] = RASTER_SUFFIXES
    LABEL_VALUES: Mapping[float, int] | None = None
    LABEL_BAND: int | None = None
    ZERO_IS_IGNORED = False

    def __init__(
        self,
        split: str | None = None,
        data_prefix: dict | None = None,
        label_values: dict[float, int] | None = None,
        **kwargs,
    ) -> None:
        if split is None and self.SPLITS:
            split = self.SPLITS[0]
        if split is not None:
            check_split(type(self).__name__, split, self.SPLITS)
        self.split = split
        # Named explicitly, so that the check of configs knows the arguments.
        kwargs.setdefault('data_root', self.ROOT)
        kwargs.setdefault('gsd', self.GSD)
        kwargs.setdefault('img_suffix', self.SUFFIXES)
        kwargs.setdefault('seg_map_suffix', self.LABEL_SUFFIXES)
        kwargs.setdefault('label_band', self.LABEL_BAND)
        kwargs.setdefault('reduce_zero_label', self.ZERO_IS_IGNORED)
        folders = {key: folder.format(split=split) for key, folder in self.FOLDERS.items()}
        values = label_values or (None if self.LABEL_VALUES is None else dict(self.LABEL_VALUES))
        super().__init__(data_prefix=data_prefix or folders, label_values=values, **kwargs)
