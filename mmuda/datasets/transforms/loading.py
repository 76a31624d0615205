"""Loading a window of a raster and its label."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.labels import apply_label_lut
from mmuda.datasets.raster_io import open_raster, read_window
from mmuda.datasets.transforms.ground_pixels import square_pixels
from mmuda.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadRasterWindow(BaseTransform):
    """Read the window of an image raster, and of its label if there is one.

    Required keys: ``img_path``, and what :class:`RasterDataset` adds (``window``, ``bands``, ``value_range``,
    ``seg_map_path``, ``label_lut``); a dict with ``img_path`` alone reads the whole raster.
    Added keys: ``img`` (H, W, C) uint8, or float32 in [0, 255] with ``value_range``; ``gt_seg_map`` (H, W) uint8, 255
    is ignored; ``window``, ``img_shape``, ``ori_shape`` (H, W; pixels). Pixels that are not square on the ground become
    square, see :func:`square_pixels`.

    Args:
        with_label (bool): False reads no label even if the dataset has one.

    Raises:
        ValueError: The file cannot be read, is not uint8 and has no ``value_range``, or a label holds a value that is
            no class; the error names the file and the value.
    """

    reads_raster = True

    def __init__(self, with_label: bool = True) -> None:
        self.with_label = with_label

    def transform(self, results: dict) -> dict:
        """Read the window.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the added keys.
        """
        window = results['window'] = window_of(results)
        image = read_window(results['img_path'], window, results.get('bands'))
        results['img'] = scale_values(image, results.get('value_range'), results['img_path'])
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        if self.with_label and results.get('seg_map_path') is not None:
            label = read_window(results['seg_map_path'], window, bands=1)
            if results.get('label_lut') is not None:
                label = apply_label_lut(label, results['label_lut'], results['seg_map_path'])
            results['gt_seg_map'] = label
            results.setdefault('seg_fields', []).append('gt_seg_map')
        square_pixels(results)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(with_label={self.with_label})'


def window_of(results: dict) -> tuple[int, int, int, int]:
    """The window (row, col, height, width) of a sample, or all of its raster.

    Args:
        results (dict): ``img_path`` and, unless the whole raster is meant, ``window``.
    """
    window = results.get('window')
    if window is None:
        raster = open_raster(results['img_path'])
        window = (0, 0, raster.height, raster.width)
    return tuple(window)


def scale_values(image: np.ndarray, value_range: tuple[float, float] | None, path: str) -> np.ndarray:
    """Bring an image to the value range of uint8.

    Args:
        image (np.ndarray): Any shape and dtype.
        value_range (tuple[float, float] | None): Values that become 0 and 255; NaN becomes 0.
        path (str): The file, for the error.

    Returns:
        np.ndarray: The image itself if it is uint8 and no range is given, else float32 in [0, 255].

    Raises:
        ValueError: The image is not uint8 and no range is given.
    """
    if value_range is None:
        if image.dtype != np.uint8:
            raise ValueError(
                f'{path} is {image.dtype}, not uint8; set value_range=(low, high) of the dataset, the values that '
                'become 0 and 255.'
            )
        return image
    low, high = value_range
    share = np.clip((image.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    # Float rasters mark missing pixels by NaN, which would make every loss NaN.
    return (np.nan_to_num(share, nan=0.0) * 255.0).astype(np.float32)
