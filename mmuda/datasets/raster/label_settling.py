"""Determines the meaning of a raster dataset's label files when it is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmuda.datasets.raster.cells import overlap
from mmuda.datasets.raster.class_mapping import map_classes, mapped_palette
from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.grid import check_same_grid
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.label_coding import look_at_labels, only_0_and_255, settle_coding
from mmuda.datasets.raster.label_colours import check_colours, colours_of_palette, with_colours
from mmuda.datasets.raster.labels import LabelTable, build_label_lut
from mmuda.datasets.raster.notes import notes_on_grids, notes_on_labels
from mmuda.datasets.raster.options import polygon_classes
from mmuda.datasets.raster.polygons import check_polygons
from mmuda.datasets.raster.reading import check_rasters, open_raster, probe_raster
from mmuda.datasets.raster.vector import VECTOR_SUFFIXES, is_vector
from mmuda.utils.errors import UserError

_CHECK_FILES = 64


class RasterLabels:
    """The label part of :class:`RasterDataset`; it reads the options described there.

    Args:
        class_mapping (dict[str, str | None] | None): Class in the label files -> class of ``metainfo``, by name, e.g.
            ``dict(house='building', path='road', water=None)``. Several may map to one; None and ``'ignore'`` become
            255. A class that is not named keeps its name. Then no class of the files is dropped unsaid: each must be
            mapped or be one of ``metainfo``. None keeps mmseg's rule, which ignores classes that ``metainfo`` leaves
            out.
        file_classes (Sequence[str] | None): Names of the classes in the label files, in the order of their indices.
            None takes those that the dataset's class knows, else those of ``metainfo``.
        **kwargs: As mmseg's ``BaseSegDataset``.
    """

    def __init__(
        self,
        class_mapping: dict[str, str | None] | None = None,
        file_classes: Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        self.class_mapping = class_mapping
        self._given_classes = None if file_classes is None else tuple(file_classes)
        self._given_palette = (kwargs.get('metainfo') or {}).get('palette')
        if file_classes is not None and not self.METAINFO.get('classes'):
            self._file_palette = None  # that of metainfo belongs to other classes
        super().__init__(**kwargs)

    @property
    def file_classes(self) -> tuple[str, ...]:
        """Names of the classes in the label files; () if unknown."""
        return tuple(self._given_classes or self.METAINFO.get('classes') or self._metainfo.get('classes') or ())

    @property
    def _maps_classes(self) -> bool:
        return self.class_mapping is not None or self._given_classes is not None

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Index in the files -> index in ``metainfo``, or 255; None if they are the same. Called by mmseg."""
        if not self._maps_classes:
            return super().get_label_map(new_classes)
        return map_classes(self.file_classes, tuple(new_classes or ()), self.class_mapping, type(self).__name__)

    def _update_palette(self) -> list:
        """Colours of the classes of ``metainfo``; called by mmseg."""
        if not self._maps_classes or self._given_palette:
            return super()._update_palette()
        classes = tuple(self._metainfo.get('classes') or ())
        known = mapped_palette(self._metainfo.get('palette'), self.file_classes, classes, self.label_map)
        self._metainfo['palette'] = []
        drawn = super()._update_palette()
        return [colour or other for colour, other in zip(known, drawn, strict=True)]

    def _check_label_files(self, labels: list[str]) -> None:
        """Check the label of each raster, and determine what its values, colours or polygons mean."""
        files = list(dict.fromkeys(labels))
        vector = [path for path in files if is_vector(path)]
        if vector:
            if len(vector) < len(files) or self.label_values or self.label_colours or self.label_band:
                raise UserError(
                    f'{vector[0]} is a vector file, so label_values, label_colours, label_band and label rasters of '
                    f'{type(self).__name__} do not go with it; set label_polygons and leave them out'
                )
            polygons = polygon_classes(self.label_polygons, self.file_classes, self.label_lut, type(self).__name__)
            self.label_lut = replace(self.label_lut, polygons=polygons)
            checked = set(self._checked([raster.path for raster in self.rasters], self.check_labels))
            images = {path: [] for path in files}
            for raster, path in zip(self.rasters, labels, strict=True):
                if raster.path in checked:
                    images[path].append(raster.path)
            self._note(check_polygons(images, polygons))
            return
        if self.label_polygons is not None and self.predicted_labels is None:
            raise UserError(
                f'label_polygons of {type(self).__name__} needs vector labels, but {files[0]} is none; correct '
                f'data_prefix and seg_map_suffix ({", ".join(VECTOR_SUFFIXES)})'
            )
        self._note(notes_on_labels(self._checked(files, 'sample')))
        headers = {label: probe_raster(label) for label in files}
        both = zip(self.rasters, labels, strict=True)
        self._note(notes_on_grids({label: self._check_label_grid(raster, headers[label]) for raster, label in both}))
        check_rasters(self._checked(files, self.check_labels), self.check_labels == 'all')
        self._check_label_values(files)

    def _check_label_grid(self, image: RasterInfo, label: RasterInfo) -> str | None:
        """What the headers do not settle about the label's position, see :func:`check_same_grid`."""
        if not self.label_lut.own_grid:
            return check_same_grid(image, label)
        if not overlap(open_raster(image.path), open_raster(label.path)):
            raise UserError(
                f'the label {label.path} ({label.crs}) does not overlap its image {image.path} ({image.crs}); check '
                'the georeference of both'
            )
        return None

    def _num_file_classes(self) -> int:
        """Number of classes in the label files, before ``metainfo`` selects a subset."""
        if not self.file_classes:
            raise UserError(
                f'{type(self).__name__} has labels but no classes; set metainfo=dict(classes=(...)) or use a dataset '
                'class that knows them.'
            )
        return len(self.file_classes)

    def _label_lut(self) -> LabelTable:
        if self.predicted_labels is not None:
            return build_label_lut(len(self.metainfo['classes']), dataset=type(self).__name__)
        table = build_label_lut(
            self._num_file_classes(),
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            ignore_index=self.ignore_index,
            label_values=self.label_values,
            dataset=type(self).__name__,
        )
        table = replace(table, own_grid=self.label_grid == 'own')
        if self.label_colours is None:
            return replace(table, band=self.label_band)
        colours = check_colours(self.label_colours, self._num_file_classes(), type(self).__name__)
        return with_colours(table, colours, self.label_map, from_index=True)

    def _checked(self, files: list[str], how_many: str) -> list[str]:
        """The files to read when the dataset is built, according to ``check_labels`` or ``check_images``."""
        if how_many == 'none':
            return []
        if how_many == 'sample' and len(files) > _CHECK_FILES:
            return [files[i] for i in np.linspace(0, len(files) - 1, _CHECK_FILES).astype(int)]
        return files

    def _check_label_values(self, labels: list[str]) -> None:
        """Determine what values and colours mean, and find those that are not a class."""
        own, checked = self.predicted_labels is None, self._checked(labels, self.check_labels)

        def windows(path: str) -> list[tuple[int, int, int, int]]:
            return windows_to_check(open_raster(path).shape, self.check_labels == 'all')

        if own:
            palette = colours_of_palette(self._file_palette, self._num_file_classes())
            seen = checked or labels[:1]
            self.label_lut = settle_coding(self.label_lut, seen, windows, palette, self.label_map)
        warning = look_at_labels(checked, windows, self.label_lut)
        if warning is not None:
            self._note([warning[0].lower() + warning[1:].rstrip('.')])
        by_index = own and self.label_values is None and not self.label_lut.colours
        if by_index and self._num_file_classes() == 2 and only_0_and_255(checked, windows):
            raise UserError(
                f'The labels of {type(self).__name__} (e.g. {labels[0]}) hold only 0 and 255, where 255 means no data; '
                'set label_values={0: 0, 255: 1} if 255 is the second class, or label_values={0: 0, 1: 1} if it is not.'
            )
