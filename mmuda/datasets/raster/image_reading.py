"""Reads a window of an image as a network is to see it: scaled to 8 bits, and filled where there is no data."""

from collections.abc import Sequence

import numpy as np

from mmuda.datasets.raster.bands import Bands
from mmuda.datasets.raster.options import has_range_by_band
from mmuda.datasets.raster.reading import read_window
from mmuda.datasets.raster.valid import fill_invalid, image_bands, valid_pixels
from mmuda.utils.errors import UserError


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
