"""Padding of everything that is a label."""

import mmcv
from mmcv.transforms import Pad as MMCVPad

from mmuda.registry import TRANSFORMS
from mmuda.structures import IGNORE_INDEX


@TRANSFORMS.register_module()
class Pad(MMCVPad):
    """mmcv's ``Pad``, which pads the label alone, for all of ``seg_fields``, as mmseg's transforms treat them.

    So what is padded counts as ignored in the label and as no data in ``no_data``.
    """

    def _pad_seg(self, results: dict) -> None:
        for key in results.get('seg_fields') or ['gt_seg_map']:
            if results.get(key) is not None:
                # A cell has its number where a label has its class; -1 is none.
                value = -1 if key == 'cells' else self.pad_val.get('seg', IGNORE_INDEX)
                results[key] = mmcv.impad(
                    results[key], shape=results['pad_shape'][:2], pad_val=value, padding_mode=self.padding_mode
                )
