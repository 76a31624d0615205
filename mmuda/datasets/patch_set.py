"""A fixed set of random patches from rasters, determined by a seed and never stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, Compose
from torch.utils.data import Dataset

from mmuda.datasets.pairing import relative_name
from mmuda.datasets.raster.image_reading import read_image
from mmuda.datasets.raster.label_reading import read_label
from mmuda.datasets.transforms.channel_order import RGB
from mmuda.datasets.transforms.geometry import resize_image, resize_label
from mmuda.datasets.transforms.loading import mark_no_data
from mmuda.registry import DATASETS, TRANSFORMS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import mix_seed

_MARGIN = 2  # pixels around a patch that interpolation reads


@DATASETS.register_module()
class PatchSet(Dataset):
    """Patches of each raster with a random position, rotation and shear (semantic pairing, section 5.2).

    Patch ``k`` of a raster depends only on the seed, the raster's path below ``img_path``, and ``k``. So the set is the
    same on every machine, in every run and for the pairing. Patches that reach beyond the raster are padded by
    reflection.

    Args:
        dataset (dict): Config of a :class:`RasterDataset`; its pipeline and tiling do not matter.
        patches_per_raster (int): 800 in the paper; 16000 per target raster for its ground-truth strategy.
        size (int): Height and width in pixels.
        gsd (float | None): Metres per pixel of the patches. None keeps each raster's own; pixels that are not square on
            the ground become squares of the same area.
        rotation (float): Largest angle in degrees, in either direction; 180 allows every orientation.
        shear (float): Largest shear angle in degrees, in either direction. The paper gives no range.
        seed (int): Seed that determines the set.
        pipeline (Sequence[dict | Callable]): Transforms after loading, e.g. ``[dict(type='PackUDAInputs')]``.

    Raises:
        UserError: A number is out of range, or a patch is larger than a raster.
    """

    def __init__(
        self,
        dataset: dict,
        patches_per_raster: int = 800,
        size: int = 224,
        gsd: float | None = None,
        rotation: float = 180.0,
        shear: float = 10.0,
        seed: int = 0,
        pipeline: Sequence[dict | Callable] = (),
    ) -> None:
        if patches_per_raster < 1 or size < 1 or not 0 <= shear < 80 or not 0 <= rotation <= 180:
            raise UserError(
                f'PatchSet got patches_per_raster={patches_per_raster}, size={size}, rotation={rotation} and '
                f'shear={shear}; give positive counts, a rotation of 0 to 180 and a shear below 80 degrees.'
            )
        self.dataset = DATASETS.build({**dataset, 'pipeline': [], 'tile': None, 'samples_per_raster': 1})
        self.patches_per_raster = patches_per_raster
        self.size = size
        self.gsd = gsd
        self.rotation = math.radians(rotation)
        self.shear = math.radians(shear)
        self.seed = seed
        steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
        self.pipeline = Compose([LoadPatch(), *steps])
        for raster in self.dataset.rasters:
            height, width = self._shape(raster)
            if min(height, width) < size:
                raise UserError(
                    f'{raster.path} is {height} x {width} px at {self.gsd or raster.gsd} m per pixel, smaller than the '
                    f'patches of {size} px; choose smaller patches or take the raster out.'
                )

    @property
    def metainfo(self) -> dict:
        """Classes, palette and other metadata of the dataset."""
        return self.dataset.metainfo

    @property
    def labelled(self) -> bool:
        """Whether patches have labels."""
        return self.dataset.labelled

    def full_init(self) -> None:
        """Load the index."""
        self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset) * self.patches_per_raster

    def __getitem__(self, index: int) -> dict:
        """Load the sample of a patch.

        Args:
            index (int): ``raster * patches_per_raster + k``.
        """
        return self.pipeline(self.get_data_info(int(index)))

    def get_data_info(self, index: int) -> dict:
        """The input of :class:`LoadPatch`: the raster's item, ``patch`` (2, 3), ``patch_size`` and ``patch_gsd``.

        ``patch`` maps pixel centres (x, y) of the patch to those of the raster at the patch's ground sample distance.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'PatchSet has the patches 0..{len(self) - 1}, not {index}.')
        number, k = divmod(index, self.patches_per_raster)
        info = self.dataset.get_data_info(number)
        raster = self.dataset.rasters[number]
        info.update(patch=self._transform(raster, k), patch_size=self.size, patch_gsd=self.gsd or raster.gsd)
        info['grid_shape'] = self._shape(raster)
        return info

    def _shape(self, raster) -> tuple[int, int]:
        """Rows and columns of a raster in square pixels of the patches' ground sample distance."""
        sides = zip(raster.shape, raster.ground_pixel, strict=True)
        return tuple(max(1, round(count * (pixel / (self.gsd or raster.gsd)))) for count, pixel in sides)

    def _transform(self, raster, k: int) -> np.ndarray:
        rng = np.random.default_rng(mix_seed(self.seed, k, relative_name(self.dataset, raster)))
        height, width = self._shape(raster)
        half = (self.size - 1) / 2
        # The centre is drawn such that the unrotated patch is inside; of a rotated one, at most the corners reach out.
        centre = rng.uniform(half, width - 1 - half), rng.uniform(half, height - 1 - half)
        angle, shear = rng.uniform(-self.rotation, self.rotation), rng.uniform(-self.shear, self.shear)
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        linear = rotation @ np.array([[1.0, math.tan(shear)], [0.0, 1.0]])
        return np.column_stack([linear, np.array(centre) - linear @ np.array([half, half])])


@TRANSFORMS.register_module()
class LoadPatch(BaseTransform):
    """Reads a patch of :class:`PatchSet`: bilinear for the image, nearest for the label, reflection beyond the raster.

    Only the window that the patch covers is read. A finer raster is first resampled to the patch's ground sample
    distance, with antialiasing.

    Required keys: those that :class:`PatchSet` provides. Added keys: ``img`` (H, W, C), ``gt_seg_map`` (H, W) uint8 if
    labelled, ``no_data`` (H, W) uint8 if some pixels hold no data, ``window``, ``gsd``, ``img_shape``, ``ori_shape``.
    """

    def transform(self, results: dict) -> dict:
        """Read and warp.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the added keys.
        """
        size, matrix = results['patch_size'], results['patch']
        grid = results['grid_shape']
        box = _box(matrix, size, grid)
        window, shape = _window(box, grid, results['raster_shape'])
        options = results.get('bands'), results.get('value_range'), results.get('region')
        image, valid = read_image(results['img_path'], window, *options)
        moved = matrix.copy()
        moved[:, 2] -= (box[1], box[0])
        results['img'] = _warp(resize_image(image, shape), moved, size, cv2.INTER_LINEAR)
        results['channel_order'] = RGB
        if results.get('seg_map_path') is not None:
            label = read_label(results['seg_map_path'], window, results['label_lut'], results['img_path'])
            results['gt_seg_map'] = _warp(resize_label(label, shape), moved, size, cv2.INTER_NEAREST)
            results.setdefault('seg_fields', []).append('gt_seg_map')
        if not valid.all():
            valid = resize_label(valid.astype(np.uint8), shape)
            mark_no_data(results, _warp(valid, moved, size, cv2.INTER_NEAREST) > 0)
        results.update(window=window, gsd=results['patch_gsd'], img_shape=(size, size), ori_shape=(size, size))
        return results


def _box(matrix: np.ndarray, size: int, grid: tuple[int, int]) -> tuple[int, int, int, int]:
    """(row, col, height, width) of the part of the grid that a patch needs, inside the raster."""
    corners = np.array([[x, y, 1.0] for x in (0, size - 1) for y in (0, size - 1)]) @ matrix.T
    low = np.floor(corners.min(axis=0)).astype(int) - _MARGIN
    high = np.ceil(corners.max(axis=0)).astype(int) + _MARGIN + 1
    # Pixels used by the reflection must be included.
    overshoot = np.maximum(0, [max(-low[0], high[0] - grid[1]), max(-low[1], high[1] - grid[0])])
    low, high = low - overshoot, high + overshoot
    col, row = np.maximum(low, 0)
    right, bottom = np.minimum(high, (grid[1], grid[0]))
    return int(row), int(col), int(bottom - row), int(right - col)


def _window(
    box: tuple[int, int, int, int], grid: tuple[int, int], raster: tuple[int, int]
) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """The raster's window under a box of the grid, and the box's shape to resample it to."""
    row, col, height, width = box
    if tuple(grid) == tuple(raster):
        return box, (height, width)
    scale = raster[0] / grid[0], raster[1] / grid[1]
    top, left = round(row * scale[0]), round(col * scale[1])
    bottom, right = round((row + height) * scale[0]), round((col + width) * scale[1])
    return (top, left, min(bottom, raster[0]) - top, min(right, raster[1]) - left), (height, width)


def _warp(array: np.ndarray, matrix: np.ndarray, size: int, interpolation: int) -> np.ndarray:
    warped = cv2.warpAffine(
        array,
        matrix,
        (size, size),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
        borderValue=IGNORE_INDEX,
    )
    return warped if warped.ndim == array.ndim else warped[..., None]
