"""Padding for all label-like arrays."""

import mmcv
from mmcv.transforms import Pad as MMCVPad

from mmuda.registry import TRANSFORMS
from mmuda.structures import IGNORE_INDEX


@TRANSFORMS.register_module()
class Pad(MMCVPad):
    """mmcv's ``Pad``, extended from the label to all ``seg_fields``, in line with mmseg's transforms.

    Padded pixels are ignored in the label and marked as no data in ``no_data``.
    """

    def _pad_seg(self, results: dict) -> None:
        for key in results.get('seg_fields') or ['gt_seg_map']:
            if results.get(key) is not None:
                # Cell maps hold indices instead of classes; -1 means no cell.
                value = -1 if key == 'cells' else self.pad_val.get('seg', IGNORE_INDEX)
                results[key] = mmcv.impad(
                    results[key], shape=results['pad_shape'][:2], pad_val=value, padding_mode=self.padding_mode
                )
