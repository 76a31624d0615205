"""An EncoderDecoder that resizes its logits once."""

from __future__ import annotations

from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.registry import MODELS


@MODELS.register_module()
class DirectEncoderDecoder(EncoderDecoder):
    """mmseg's ``EncoderDecoder``, but predicting directly on each sample's own grid.

    mmseg resizes logits twice, to the size of the input and then to ``ori_shape``. The released tests of AdaptSegNet,
    ADVENT and CLAN resize them once, from the head's grid to the label's (Cityscapes: from an eighth of 1024 x 512 to
    2048 x 1024): for random logits, 0.4 % of the pixels get a different class.

    Sliding windows are stitched, and padding is cut off, on the grid of the input as in mmseg; in these two cases
    logits are resized twice. Training and features are mmseg's.
    """

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Predict on each sample's ``ori_shape``, or on the grid of the input if there are no samples."""
        if data_samples is None:
            size = tuple(inputs.shape[-2:])
            data_samples = [SegDataSample(metainfo=dict(ori_shape=size, img_shape=size)) for _ in inputs]
        return super().predict(inputs, data_samples)

    def whole_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits (N, out_channels, h, w) on the head's own grid; :meth:`predict` resizes them to each sample's."""
        if any(_is_padded(meta) for meta in batch_img_metas):
            return super().whole_inference(inputs, batch_img_metas)
        return self.decode_head(self.extract_feat(inputs))


def _is_padded(meta: dict) -> bool:
    return any(meta.get('img_padding_size', meta.get('padding_size', ())))
