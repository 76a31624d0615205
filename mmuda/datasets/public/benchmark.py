"""The base of public benchmarks, each a set of class attributes and, if files must be selected, a ``select``."""

from __future__ import annotations

import os.path as osp
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
        LABEL_VALUES, LABEL_COLOURS: Defaults of ``label_values`` and ``label_colours``.
        LABEL_BAND: Default of ``label_band``.
        ZERO_IS_IGNORED: Default of ``reduce_zero_label``.
        BANDS: Default of ``bands``.
        DOWNLOADS: Layouts in which the benchmark is distributed, if they are not the one above: attributes that replace
            those above, e.g. ``dict(FOLDERS=..., LABEL_VALUES=...)``. The first whose folders ``data_root`` holds is
            read, unless it holds the folders above, or ``data_prefix`` is given. ``SPLIT_NAMES`` in it maps a split to
            its name in folders.

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
    LABEL_COLOURS: Mapping[tuple[int, int, int], int] | None = None
    LABEL_BAND: int | None = None
    ZERO_IS_IGNORED = False
    BANDS: tuple[int, ...] = (1, 2, 3)
    DOWNLOADS: tuple[Mapping[str, object], ...] = ()

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
        layout = {} if data_prefix else self._layout(kwargs['data_root'] or '', kwargs.get('labelled', True))
        kwargs.setdefault('gsd', self.GSD)
        kwargs.setdefault('img_suffix', layout.get('SUFFIXES', self.SUFFIXES))
        kwargs.setdefault('seg_map_suffix', layout.get('LABEL_SUFFIXES', self.LABEL_SUFFIXES))
        kwargs.setdefault('label_band', self.LABEL_BAND)
        kwargs.setdefault('label_colours', layout.get('LABEL_COLOURS', self.LABEL_COLOURS))
        kwargs.setdefault('reduce_zero_label', layout.get('ZERO_IS_IGNORED', self.ZERO_IS_IGNORED))
        kwargs.setdefault('bands', layout.get('BANDS', self.BANDS))
        values = label_values or layout.get('LABEL_VALUES', self.LABEL_VALUES)
        super().__init__(
            data_prefix=data_prefix or self._folders(layout),
            label_values=None if values is None else dict(values),
            **kwargs,
        )

    def _folders(self, layout: Mapping) -> dict[str, str]:
        split = layout.get('SPLIT_NAMES', {}).get(self.split, self.split)
        return {key: folder.format(split=split) for key, folder in layout.get('FOLDERS', self.FOLDERS).items()}

    def _layout(self, root: str, labelled: bool) -> Mapping:
        """What differs from the class attributes in the layout that the folder holds."""
        for layout in ({}, *self.DOWNLOADS):
            folders = self._folders(layout)
            needed = folders.values() if labelled else [folders['img_path']]
            if all(osp.isdir(osp.join(root, folder)) for folder in needed):
                return layout
        return {}
