"""Keeps track of the channel order of loaded images: red, green, blue or the reverse."""

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmseg.datasets.transforms import PackSegInputs as MMSegPackSegInputs
from mmseg.registry import TRANSFORMS as MMSEG_TRANSFORMS

from mmuda.registry import TRANSFORMS

RGB, BGR = 'RGB', 'BGR'
"""Values of the key ``channel_order``. A raster's bands, as stored or as selected, count as ``RGB``."""


@TRANSFORMS.register_module()
class LoadImageFromFile(MMCVLoadImageFromFile):
    """mmcv's loader, which also states the channel order of its images.

    mmcv decodes to blue, green, red; a raster is read in the order of its file. The data preprocessor uses the key
    added here to bring both to one order. Arguments are mmcv's.

    Added keys: mmcv's, and ``channel_order`` (str) for images of three or more channels.
    """

    def transform(self, results: dict) -> dict | None:
        """Load.

        Args:
            results (dict): ``img_path``.

        Returns:
            dict | None: ``results`` with the added keys; None where mmcv returns None.
        """
        results = super().transform(results)
        if results is not None and results['img'].ndim == 3 and results['img'].shape[2] >= 3:
            results['channel_order'] = self._order()
        return results

    def _order(self) -> str:
        # mmcv reverses the channels from its other backends, even if told to leave the image unchanged.
        return RGB if self.imdecode_backend == 'tifffile' else BGR


@TRANSFORMS.register_module()
class PackSegInputs(MMSegPackSegInputs):
    """mmseg's ``PackSegInputs``, which always keeps the channel order, whatever ``meta_keys`` are."""

    def transform(self, results: dict) -> dict:
        """Pack.

        Args:
            results (dict): Result of the pipeline.

        Returns:
            dict: The sample as mmseg packs it; ``channel_order`` is in its metainfo if known.
        """
        packed = super().transform(results | dict(img=_as_planes(results['img'])) if 'img' in results else results)
        if results.get('channel_order') is not None:
            packed['data_samples'].set_metainfo(dict(channel_order=results['channel_order']))
        return packed


def _as_planes(image: np.ndarray) -> np.ndarray:
    """An image (H, W, C) with each channel's values in one piece, which mmseg then need not rearrange.

    OpenCV does this several times faster.
    """
    if image.ndim == 3 and image.dtype in (np.uint8, np.uint16, np.float32) and 1 < image.shape[2] <= 4 and image.size:
        planes = np.empty((image.shape[2], *image.shape[:2]), image.dtype)
        cv2.split(image, list(planes))
        return planes.transpose(1, 2, 0)
    return image


# Types named with a scope (``mmseg.LoadImageFromFile``) are looked up in their library's registry, which would return
# the originals that do not report the order.
ROOT_TRANSFORMS.register_module(module=LoadImageFromFile, force=True)
MMSEG_TRANSFORMS.register_module(module=PackSegInputs, force=True)


def in_order(image: np.ndarray, order: str | None, wanted: str | None) -> np.ndarray:
    """Reorder the channels of an image.

    Args:
        image (np.ndarray): (H, W, C).
        order (str | None): Current order; None is unknown.
        wanted (str | None): Desired order; None keeps the current one.

    Returns:
        np.ndarray: The reordered image, or the image itself if nothing changes. Channels after the third keep their
        positions.
    """
    if order is None or wanted is None or order == wanted:
        return image
    return image[..., [2, 1, 0, *range(3, image.shape[2])]]
