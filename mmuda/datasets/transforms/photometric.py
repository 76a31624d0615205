"""Random brightness, contrast, saturation and hue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mmseg.datasets.transforms import PhotoMetricDistortion as MMSegPhotoMetricDistortion

from mmuda.datasets.transforms.channel_order import BGR, in_order
from mmuda.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PhotoMetricDistortion(MMSegPhotoMetricDistortion):
    """mmseg's ``PhotoMetricDistortion`` for images of any number of bands, in 8 bits or float.

    mmseg's takes three bands of uint8 as blue, green and red. On such images this is the same to the bit. Otherwise:

    - The channel order is that of the sample, so that hue is turned the same way in images read as RGB.
    - Saturation and hue change the first three bands, whatever they show; brightness and contrast change all. Images of
      one or two bands have neither saturation nor hue.
    - Float images in [0, 255] remain float: saturation and hue are computed in 8 bits, and the change is added.

    Required keys: ``img`` (H, W, C), uint8 or float32 in [0, 255]; optionally ``channel_order``.
    Modified keys: ``img``, same shape and dtype.

    Args:
        brightness_delta (int): The most that is added to or subtracted from all bands.
        contrast_range (Sequence[float]): Range of the factor of all bands.
        saturation_range (Sequence[float]): Range of the factor of the saturation.
        hue_delta (int): The most by which the hue is turned, in units of 2 degrees.
    """

    def transform(self, results: dict) -> dict:
        """Change the colours.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results``.
        """
        order = results.get('channel_order') if results['img'].shape[-1] >= 3 else None
        results['img'] = in_order(results['img'], order, BGR)
        results = super().transform(results)
        results['img'] = in_order(results['img'], BGR if order else None, order)
        return results

    def convert(self, img: np.ndarray, alpha: float = 1, beta: float = 0) -> np.ndarray:
        """``alpha * img + beta``, clipped to [0, 255]; the dtype of ``img`` is kept."""
        return np.clip(img.astype(np.float32) * alpha + beta, 0, 255).astype(img.dtype)

    def saturation(self, img: np.ndarray) -> np.ndarray:
        """Change the saturation of the first three bands, with probability 0.5."""
        return _on_colours(super().saturation, img)

    def hue(self, img: np.ndarray) -> np.ndarray:
        """Change the hue of the first three bands, with probability 0.5."""
        return _on_colours(super().hue, img)


def _on_colours(change: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> np.ndarray:
    """Apply a change of three bands of uint8 to the first three bands of an image."""
    if image.shape[-1] < 3:
        return image
    colours = image[..., :3]
    before = np.ascontiguousarray(colours if colours.dtype == np.uint8 else np.rint(colours).astype(np.uint8))
    after = change(before.copy())
    if colours.dtype != np.uint8:
        after = np.clip(colours + (after.astype(np.float32) - before), 0, 255).astype(colours.dtype)
    return np.concatenate([after, image[..., 3:]], axis=-1)
