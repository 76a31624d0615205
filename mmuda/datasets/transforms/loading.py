"""Loading a window of a raster and its label."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.raster.bands import Bands
from mmuda.datasets.raster.label_reading import read_label
from mmuda.datasets.raster.labels import build_label_lut
from mmuda.datasets.raster.options import has_range_by_band
from mmuda.datasets.raster.reading import open_raster, read_window
from mmuda.datasets.raster.valid import fill_invalid, image_bands, valid_pixels
from mmuda.datasets.transforms.channel_order import RGB
from mmuda.datasets.transforms.ground_pixels import square_pixels
from mmuda.registry import TRANSFORMS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError


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


def read_image(
    path: str,
    window: tuple[int, int, int, int],
    bands: Bands | None = None,
    value_range: Sequence | None = None,
    region: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Read a window of an image, scaled and filled for a network.

    Args:
        path (str): The raster.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the raster.
        bands (Bands | None): Bands, counted from 1 or by name; None is all but opacity.
        value_range (Sequence | None): As :func:`scale_values`.
        region (str | None): Vector file; ground outside its polygons counts as without data.

    Returns:
        tuple[np.ndarray, np.ndarray]: The image (H, W, C) from :func:`scale_values`, with a neutral value where there
        is no data; and a mask (H, W) bool of pixels with data.

    Raises:
        UserError: The file cannot be read, or is not uint8 and there is no ``value_range``.
    """
    bands = image_bands(path, bands)
    values = read_window(path, window, bands)
    valid = valid_pixels(path, window, bands, values, region=region)
    return fill_invalid(scale_values(values, value_range, path, in_place=True), valid), valid


def scale_values(image: np.ndarray, value_range: Sequence | None, path: str, in_place: bool = False) -> np.ndarray:
    """Scale an image to the value range of uint8.

    Args:
        image (np.ndarray): Any dtype, bands last.
        value_range (Sequence | None): Values (low, high) that become 0 and 255, or such a pair for each band. NaN,
            which means no data, becomes 0.
        path (str): The file, for the error.
        in_place (bool): Allow a float32 image to be changed, which saves memory traffic.

    Returns:
        np.ndarray: The image itself if it is uint8 and no range is given, else float32 in [0, 255].

    Raises:
        UserError: The image is not uint8 and no range is given.
    """
    if value_range is None:
        if image.dtype != np.uint8:
            raise UserError(
                f'{path} is {image.dtype}, not uint8; set value_range=(low, high) of the dataset, the values that '
                'become 0 and 255.'
            )
        return image
    low, high = np.asarray(value_range, np.float32).T if has_range_by_band(value_range) else value_range
    with np.errstate(over='ignore', invalid='ignore'):
        values = image.astype(np.float32, copy=False)
        own = in_place and np.result_type(values, low) == np.float32
        share = np.subtract(values, low, out=values if own else None)
        share /= high - low
    np.clip(share, 0.0, 1.0, out=share)
    share[np.isnan(share)] = 0.0
    share *= 255.0
    return share.astype(np.float32, copy=False)
