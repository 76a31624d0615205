"""Loading a window of a raster and its label."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.raster.image_reading import read_image
from mmuda.datasets.raster.label_reading import read_label
from mmuda.datasets.raster.labels import build_label_lut
from mmuda.datasets.raster.reading import open_raster
from mmuda.datasets.transforms.channel_order import RGB
from mmuda.datasets.transforms.ground_pixels import square_pixels
from mmuda.registry import TRANSFORMS
from mmuda.structures import IGNORE_INDEX


@TRANSFORMS.register_module()
class LoadRasterWindow(BaseTransform):
    """Read the window of an image raster, and of its label if there is one.

    Required keys: ``img_path``, and the keys of :class:`RasterDataset` (``window``, ``bands``, ``value_range``,
    ``seg_map_path``, ``label_lut``); with only ``img_path``, the whole raster is read. Added keys: ``img`` (H, W, C)
    uint8, or float32 in [0, 255] with ``value_range``; ``gt_seg_map`` (H, W) uint8, 255 is ignored; ``channel_order``
    (the bands' own); ``window``, ``img_shape``, ``ori_shape`` (H, W; pixels). Only if some pixels hold no data (see
    :func:`valid_pixels`): ``no_data`` (H, W) uint8, 255 at these pixels and 0 elsewhere. It passes through the pipeline
    like the label, and ``gt_seg_map`` is 255 at these pixels. Pixels that are not square on the ground become square,
    see :func:`square_pixels`.

    Args:
        with_label (bool): False reads no label even if the dataset has one.

    Raises:
        UserError: The file cannot be read, is not uint8 and has no ``value_range``, or a label holds a value that is
            not a class; the error names the file and the value.
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
        options = results.get('bands'), results.get('value_range'), results.get('region')
        image, valid = read_image(results['img_path'], window, *options)
        results['img'] = image
        results['channel_order'] = RGB
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        if self.with_label and results.get('seg_map_path') is not None:
            table = results.get('label_lut') or build_label_lut(IGNORE_INDEX)
            results['gt_seg_map'] = read_label(results['seg_map_path'], window, table, results['img_path'])
            results.setdefault('seg_fields', []).append('gt_seg_map')
        mark_no_data(results, valid)
        square_pixels(results)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(with_label={self.with_label})'


def window_of(results: dict) -> tuple[int, int, int, int]:
    """The window (row, col, height, width) of a sample; the whole raster if it has none.

    Args:
        results (dict): ``img_path`` and, unless the whole raster is read, ``window``.
    """
    window = results.get('window')
    if window is None:
        raster = open_raster(results['img_path'])
        window = (0, 0, raster.height, raster.width)
    return tuple(window)


def mark_no_data(results: dict, valid: np.ndarray) -> None:
    """Record where the image holds no data, and ignore the label there.

    Args:
        results (dict): Gets ``no_data``, also listed in ``seg_fields``, if there are such pixels. They are marked with
            255, so that transforms that pad fields like labels mark their padding too.
        valid (np.ndarray): (H, W) bool, on the grid of ``gt_seg_map``.
    """
    if valid.all():
        return
    results['no_data'] = np.where(valid, 0, IGNORE_INDEX).astype(np.uint8)
    results.setdefault('seg_fields', []).append('no_data')
    if 'gt_seg_map' in results:
        results['gt_seg_map'][~valid] = IGNORE_INDEX
