"""Coarse labels with the errors of real coarse products, and synthetic imagery with such labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from scipy import ndimage

from mmuda.datasets.coarse.datasets import CoarseLabelDataset, LabelMapDataset
from mmuda.datasets.raster.checked_writing import write_raster
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import filling

from .domains import SOURCE_STYLE, TARGET_STYLE
from .generator import exclusive, generate
from .materials import ISPRS_PALETTE

CLASSES = ('impervious', 'building', 'low_vegetation', 'tree')
PALETTE = ISPRS_PALETTE[:4]
TO_FOUR = {0: 0, 1: 1, 2: 2, 3: 3, 4: 0, 5: 2}
"""Class of the generator's labels -> class here: cars belong to streets, the remaining classes are open ground."""

SCENES = dict(source=dict(train=(8, 512), val=(3, 512)), exemplar=dict(train=(4, 512)))
# Another region: another city's form with the same sensor (its images are not used).
STYLES = dict(
    source=SOURCE_STYLE, exemplar=replace(TARGET_STYLE, name='exemplar', sensor=SOURCE_STYLE.sensor)
)  # fmt: skip


def coarse_labels(
    label: np.ndarray,
    ratio: int,
    offset: tuple[int, int] = (0, 0),
    shift: tuple[int, int] = (0, 0),
    min_area: int = 0,
    num_classes: int = len(CLASSES),
) -> np.ndarray:
    """Simulate a coarse product from a fine label map: the majority class per cell, with small areas lost and a shift.

    Args:
        label: Class indices (H, W), at most ``num_classes - 1``.
        ratio: Pixels along a cell.
        offset: Start of the cell grid, (rows, columns) in pixels before the map's corner, below ``ratio``. The
            georeference states it.
        shift: Misregistration of the product, (rows, columns) in pixels, which no metadata states. Cells show the
            content this far down and to the right; borders are repeated.
        min_area: Connected areas of one class with fewer pixels are lost: they take the class of the nearest remaining
            area.
        num_classes: Number of classes.

    Returns:
        Class indices of all cells that touch the map, uint8; the lower class wins a tie.
    """
    seen = drop_small(label, min_area) if min_area else label
    height, width = label.shape
    rows = np.clip(np.arange(height) + shift[0], 0, height - 1)
    cols = np.clip(np.arange(width) + shift[1], 0, width - 1)
    seen = seen[rows[:, None], cols]
    cell_rows, cell_cols = ((np.arange(size) + begin) // ratio for size, begin in zip(label.shape, offset, strict=True))
    shape = cell_rows[-1] + 1, cell_cols[-1] + 1
    cell = cell_rows[:, None] * shape[1] + cell_cols
    counts = np.bincount((cell * num_classes + seen).ravel(), minlength=shape[0] * shape[1] * num_classes)
    return counts.reshape(*shape, num_classes).argmax(axis=-1).astype(np.uint8)


def drop_small(label: np.ndarray, min_area: int) -> np.ndarray:
    """Replace connected areas (4 neighbours) of fewer than ``min_area`` pixels by the nearest of the others."""
    small = np.zeros(label.shape, dtype=bool)
    for value in np.unique(label):
        areas, _ = ndimage.label(label == value)
        small |= (np.bincount(areas.ravel()) < min_area)[areas] & (areas > 0)
    if small.all():
        return label
    nearest = ndimage.distance_transform_edt(small, return_distances=False, return_indices=True)
    return label[tuple(nearest)]


@DATASETS.register_module()
class SyntheticCoarse(CoarseLabelDataset):
    """Synthetic imagery at 1.0 m with coarse labels of four classes, written to ``data_root`` when it is first used.

    Fine labels are also written (``seg_map_path``). They are read only with ``fine=True``, for validation, the oracle
    and the upper bound.

    Args:
        split (str): ``train`` or ``val``.
        ratio (int): Pixels along a label cell.
        offset (tuple[int, int]): As :func:`coarse_labels`.
        shift (tuple[int, int]): As :func:`coarse_labels`.
        min_area (int): As :func:`coarse_labels`.
        fine (bool): Whether fine labels are read.
        data_root (str): Folder of the imagery.
        seed (int): Seed of the imagery.
        **kwargs: As :class:`CoarseLabelDataset`.
    """

    def __init__(
        self,
        split: str = 'train',
        ratio: int = 16,
        offset: tuple[int, int] = (5, 9),
        shift: tuple[int, int] = (3, -2),
        min_area: int = 80,
        fine: bool = False,
        data_root: str = 'data/synthetic_coarse',
        seed: int = 0,
        **kwargs,
    ) -> None:
        if split not in SCENES['source']:
            raise UserError(f'split={split!r} of SyntheticCoarse must be one of {list(SCENES["source"])}.')
        if ratio < 1 or not all(0 <= begin < ratio for begin in offset):
            raise UserError(f'ratio={ratio} and offset={offset} of SyntheticCoarse: the offset lies in [0, ratio).')
        self.seed = seed
        self.cells = dict(ratio=ratio, offset=tuple(offset), shift=tuple(shift), min_area=min_area)
        coarse = _coarse_name(**self.cells)
        folder = f'source/{split}'
        prefix = dict(img_path=folder, coarse_path=f'{coarse}/{split}')
        super().__init__(
            data_root=data_root,
            data_prefix=dict(prefix, seg_map_path=folder) if fine else prefix,
            img_suffix='_image.tif',
            seg_map_suffix='_label6.tif',
            coarse_suffix='_label.tif',
            label_values=TO_FOUR if fine else None,
            metainfo=dict(classes=CLASSES, palette=PALETTE),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """As :class:`CoarseLabelDataset`, when imagery and labels are there."""
        generate(self.data_root, self.seed, SCENES, STYLES)
        write_coarse(Path(self.data_root), **self.cells)
        return super().load_data_list()


@DATASETS.register_module()
class SyntheticExemplars(LabelMapDataset):
    """Fine label maps with four classes from another synthetic region, without images.

    Args:
        data_root (str): Folder of the imagery, shared with :class:`SyntheticCoarse`.
        seed (int): Seed of the imagery.
        **kwargs: As :class:`LabelMapDataset`.
    """

    def __init__(self, data_root: str = 'data/synthetic_coarse', seed: int = 0, **kwargs) -> None:
        self.seed = seed
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path='exemplar/train'),
            img_suffix='_label6.tif',
            label_values=TO_FOUR,
            metainfo=dict(classes=CLASSES, palette=PALETTE),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """As :class:`LabelMapDataset`, when the label maps are there."""
        generate(self.data_root, self.seed, SCENES, STYLES)
        return super().load_data_list()


def write_coarse(root: Path, ratio: int, offset: tuple[int, int], shift: tuple[int, int], min_area: int) -> str:
    """Write the coarse labels of all scenes unless they exist; several processes may call this at the same time.

    Returns:
        Their folder below ``root``, named after the settings.
    """
    settings = dict(ratio=ratio, offset=offset, shift=shift, min_area=min_area)
    name = _coarse_name(**settings)
    folder = root / name
    with exclusive(folder):
        if not folder.is_dir():
            with filling(folder) as temporary:
                for split in SCENES['source']:
                    for fine in sorted((root / 'source' / split).glob('*_label6.tif')):
                        _write_cells(fine, temporary / split / fine.name.replace('_label6', '_label'), **settings)
                (temporary / 'settings.json').write_text(json.dumps(settings))
    return name


def _write_cells(fine: Path, path: Path, ratio: int, offset, shift, min_area: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(fine) as file:
        label = np.vectorize(TO_FOUR.get, otypes=[np.uint8])(file.read(1))
        a, b, c, d, e, f = tuple(file.transform)[:6]
        crs = file.crs
    cells = coarse_labels(label, ratio, offset, shift, min_area)
    row, col = -offset[0], -offset[1]
    transform = Affine(a * ratio, b * ratio, c + a * col + b * row, d * ratio, e * ratio, f + d * col + e * row)
    write_raster(path, cells.astype(np.uint8), crs=crs, transform=transform, compress='deflate')


def _coarse_name(ratio: int, offset: tuple[int, int], shift: tuple[int, int], min_area: int) -> str:
    return 'coarse_r{}_o{}_{}_s{}_{}_a{}'.format(ratio, *offset, *shift, min_area)
