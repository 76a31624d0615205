"""Fine imagery with coarse labels, and label maps without imagery."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence

import numpy as np

from mmuda.datasets.raster.cells import overlap
from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.raster.files import existing_suffix, suffix_of
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.label_coding import look_at_labels
from mmuda.datasets.raster.labels import build_label_lut
from mmuda.datasets.raster.reading import check_rasters, open_raster, probe_raster
from mmuda.datasets.raster.valid import image_bands
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError


@DATASETS.register_module()
class CoarseLabelDataset(RasterDataset):
    """Rasters with labels in other rasters of coarser resolution, e.g. 1 m imagery with 30 m land cover.

    ``data_prefix`` has ``img_path`` and ``coarse_path``: a folder with a label of the same relative path for each
    image, or one raster that covers them all. There may also be fine labels (``seg_map_path``), for validation. The
    pipeline (:class:`LoadRasterWindow`, :class:`LoadCoarseLabels`) decides which of the two becomes the sample's label.
    Images and coarse labels each need a projection; offset, resolution and projection may differ.

    Args:
        coarse_values (dict[int, int] | None): Value in the coarse label -> class index or 255, which is ignored; None
            means that labels hold class indices.
        coarse_suffix (str): Suffix of the coarse labels.
        data_prefix (dict): As above; relative to ``data_root``.
        **kwargs: As :class:`RasterDataset`.

    Raises:
        FileNotFoundError: A coarse label is missing.
        UserError: A coarse label does not overlap its image, has no projection, or holds an unknown value.
    """

    def __init__(
        self,
        coarse_values: dict[int, int] | None = None,
        coarse_suffix: str = '.tif',
        data_prefix: dict | None = None,
        **kwargs,
    ) -> None:
        if 'coarse_path' not in (data_prefix or {}):
            raise UserError(f'{type(self).__name__} needs data_prefix=dict(img_path=..., coarse_path=...).')
        self.coarse_values = coarse_values
        self.coarse_suffix = coarse_suffix
        super().__init__(data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """As :class:`RasterDataset`; items have ``coarse_path`` too."""
        self.labelled = 'seg_map_path' in self.data_prefix
        items = super().load_data_list()
        # The dataset counts as labelled by its coarse labels, with or without fine ones.
        self.labelled = True
        self.coarse_lut = build_label_lut(
            self._num_file_classes(),
            label_map=self.label_map,
            label_values=self.coarse_values,
            dataset=type(self).__name__,
        )
        listings: dict[str, list[str]] = {}
        coarse = {raster.path: self._coarse_path(raster, listings) for raster in self.rasters}
        for path in dict.fromkeys(coarse.values()):
            probe_raster(path)
        for raster in self.rasters:
            self._check_overlap(raster, coarse[raster.path])
        self._check_coarse_values(list(dict.fromkeys(coarse.values())))
        for item in items:
            item['coarse_path'] = coarse[item['img_path']]
        return items

    def get_data_info(self, idx: int) -> dict:
        """As :class:`RasterDataset`, with ``coarse_lut``."""
        info = super().get_data_info(idx)
        info['coarse_lut'] = self.coarse_lut
        return info

    def _coarse_path(self, raster: RasterInfo, listings: dict[str, list[str]]) -> str:
        folder = self.data_prefix['coarse_path']
        if osp.isfile(folder):
            return folder
        relative = osp.relpath(raster.path, self.translated_images or self.data_prefix['img_path'])
        stem = osp.join(folder, relative[: -len(suffix_of(relative, self.img_suffix))])
        suffix = existing_suffix(stem, (self.coarse_suffix,), listings)
        if suffix is None:
            raise FileNotFoundError(
                f'The image {raster.path} has no coarse label {stem}{self.coarse_suffix}; add it, take the image out, '
                'or set coarse_suffix.'
            )
        return stem + suffix

    def _check_overlap(self, raster: RasterInfo, path: str) -> None:
        label = open_raster(path)
        if len(image_bands(path)) > 1:
            raise UserError(f'The coarse label {path} has {label.count} bands; convert it to one band of classes.')
        if not overlap(open_raster(raster.path), label):
            raise UserError(
                f'The coarse label {path} ({label.crs}) does not overlap its image {raster.path} ({raster.crs}); check '
                'the georeference of both.'
            )

    def _check_coarse_values(self, paths: list[str]) -> None:
        """Check labels as for fine ones when a dataset is built: of many or large files, only a part is read."""
        every = self.check_labels == 'all'
        checked = self._checked(paths, self.check_labels)
        check_rasters(checked, every)
        look_at_labels(checked, lambda path: windows_to_check(open_raster(path).shape, every), self.coarse_lut)


@DATASETS.register_module()
class LabelMapDataset(RasterDataset):
    """Label maps without images: examples of what fine labels look like (Low2High's exemplar set).

    ``data_prefix['img_path']`` is the folder of the label maps. The pipeline starts with :class:`RandomGroundCrop`,
    unless ``tile`` cuts the maps, and :class:`LoadLabelWindow`.

    Args:
        label_values (dict[float, int] | None): Value in the file -> class index.
        count (int | None): Number of items to draw with ``count_seed``; with ``tile``, the number of exemplars.
        count_seed (int): Seed of the draw; with the same seed, a larger draw contains the smaller ones.
        **kwargs: As :class:`RasterDataset`.

    Raises:
        UserError: There are fewer than ``count`` items, or a map holds a value that is not a class.
    """

    reads_images = False

    def __init__(
        self,
        label_values: dict[float, int] | None = None,
        count: int | None = None,
        count_seed: int = 0,
        bands: Sequence[int] = (1,),
        **kwargs,
    ) -> None:
        self.count = count
        self.count_seed = count_seed
        super().__init__(label_values=label_values, labelled=False, bands=bands, **kwargs)

    def load_data_list(self) -> list[dict]:
        """As :class:`RasterDataset`, for label maps."""
        items = super().load_data_list()
        self.label_lut = self._label_lut()
        self._check_label_values([raster.path for raster in self.rasters])
        if self.count is None:
            return items
        if not 0 < self.count <= len(items):
            raise UserError(
                f'count={self.count} of {type(self).__name__}, but there are {len(items)} items; give fewer, or a '
                'smaller tile.'
            )
        chosen = np.random.default_rng(self.count_seed).permutation(len(items))[: self.count]
        return [items[i] for i in sorted(chosen.tolist())]
