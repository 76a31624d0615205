"""The end of a pipeline: tensors and data samples."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import PixelData

from mmuda.datasets.transforms.channel_order import PackSegInputs
from mmuda.registry import TRANSFORMS
from mmuda.structures import NO_DATA

_MMSEG_META_KEYS = (
    'img_path',
    'seg_map_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'reduce_zero_label',
)


@TRANSFORMS.register_module()
class PackUDAInputs(PackSegInputs):
    """mmseg's ``PackSegInputs`` with additional tensors, and with domain and ground sample distance in the metainfo.

    The sample it returns has ``inputs`` (C, H, W), ``data_samples`` (``SegDataSample`` with ``gt_sem_seg`` (1, h, w)
    int64 if there is a label, and ``no_data`` (1, h, w) bool if any pixel holds no data) and a tensor for each of
    ``extra_keys`` that the sample has: arrays (H', W', C) become (C, H', W'), others keep their shape. Its metainfo
    holds, as far as known, ``domain`` (str), ``gsd`` and ``fine_gsd`` (metres per pixel), ``channel_order``
    (``'RGB'`` or ``'BGR'``), and ``window`` ((row, col, height, width) in pixels of the raster, or None).

    Args:
        extra_keys (Sequence[str]): Arrays to return as tensors.
        meta_keys (Sequence[str]): Keys of the metainfo, by default mmseg's and those above.
    """

    def __init__(
        self,
        extra_keys: Sequence[str] = ('fine_image', 'cells', 'coarse_label'),
        meta_keys: Sequence[str] = (*_MMSEG_META_KEYS, 'domain', 'gsd', 'fine_gsd', 'window'),
    ) -> None:
        super().__init__(meta_keys=tuple(meta_keys))
        self.extra_keys = tuple(extra_keys)

    def transform(self, results: dict) -> dict:
        """Pack.

        Args:
            results (dict): Result of the pipeline.

        Returns:
            dict: The sample, as above.
        """
        if 'window' in self.meta_keys:
            results.setdefault('window', None)
        packed = super().transform(results)
        if NO_DATA in results and results[NO_DATA].any():
            missing = torch.from_numpy(np.ascontiguousarray(results[NO_DATA])) > 0
            packed['data_samples'].set_data({NO_DATA: PixelData(data=missing[None])})
        for key in self.extra_keys:
            if key in results:
                array = np.asarray(results[key])
                channels_first = array.transpose(2, 0, 1) if array.ndim == 3 else array
                packed[key] = torch.from_numpy(np.ascontiguousarray(channels_first))
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(extra_keys={self.extra_keys}, meta_keys={self.meta_keys})'
