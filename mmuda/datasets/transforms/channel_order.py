"""Whether the channels of a loaded image are red, green, blue or the reverse."""

import numpy as np
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmseg.datasets.transforms import PackSegInputs as MMSegPackSegInputs
from mmseg.registry import TRANSFORMS as MMSEG_TRANSFORMS

from mmuda.registry import TRANSFORMS

RGB, BGR = 'RGB', 'BGR'
"""Values of the key ``channel_order``. A raster's bands, in its order or as they were chosen, count as ``RGB``."""


@TRANSFORMS.register_module()
class LoadImageFromFile(MMCVLoadImageFromFile):
    """mmcv's loader, which also says in which order it gives the channels.

    mmcv decodes to blue, green, red, a raster is read in the order of its file. The data preprocessor brings both to
    one order by the key that is added here. Arguments are mmcv's.

    Added keys: mmcv's, and ``channel_order`` (str) for images of three or more channels.
    """

    def transform(self, results: dict) -> dict | None:
        """Load.

        Args:
            results (dict): ``img_path``.

        Returns:
            dict | None: ``results`` with the added keys; None as mmcv's.
        """
        results = super().transform(results)
        if results is not None and results['img'].ndim == 3 and results['img'].shape[2] >= 3:
            results['channel_order'] = self._order()
        return results

    def _order(self) -> str:
        # mmcv turns around what its other backends decode, also where they are told to leave the image as it is.
        return RGB if self.imdecode_backend == 'tifffile' else BGR


@TRANSFORMS.register_module()
class PackSegInputs(MMSegPackSegInputs):
    """mmseg's ``PackSegInputs``, which hands on the order of the channels whatever ``meta_keys`` are."""

    def transform(self, results: dict) -> dict:
        """Pack.

        Args:
            results (dict): Result of the pipeline.

        Returns:
            dict: The sample as mmseg packs it; ``channel_order`` in its metainfo where it is known.
        """
        packed = super().transform(results)
        if results.get('channel_order') is not None:
            packed['data_samples'].set_metainfo(dict(channel_order=results['channel_order']))
        return packed


# Named with their scope (``mmseg.LoadImageFromFile``), types are looked up in the registries of their libraries, which
# would give the ones that keep the order to themselves.
ROOT_TRANSFORMS.register_module(module=LoadImageFromFile, force=True)
MMSEG_TRANSFORMS.register_module(module=PackSegInputs, force=True)


def in_order(image: np.ndarray, order: str | None, wanted: str | None) -> np.ndarray:
    """An image in another order of channels.

    Args:
        image (np.ndarray): (H, W, C).
        order (str | None): Its order; None is unknown.
        wanted (str | None): The order to bring it to; None leaves it.

    Returns:
        np.ndarray: The image itself where nothing is to be done. Channels after the third stay where they are.
    """
    if order is None or wanted is None or order == wanted:
        return image
    return image[..., [2, 1, 0, *range(3, image.shape[2])]]
