"""Several heads of one kind whose logits are added."""

from __future__ import annotations

from mmengine.model import ModuleList
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class SummedHead(BaseDecodeHead):
    """Copies of any mmseg head on the same features, initialised differently; logits are their sum.

    CLAN (https://arxiv.org/abs/1809.09478) predicts with the sum of two classifiers and reads both: the taps are
    ``module.decode_head.classifiers.0`` and ``.1``. For DeepLab-v2 the same is ``DeepLabV2Head(classifiers=2)``.

    Args:
        head: Config of the head; its ``loss_decode``, ``in_index`` and ``align_corners`` apply to the sum.
        copies: How many.
        init_cfg: mmengine's initialisation config; the copies' own by default.

    Raises:
        UserError: If there are fewer than two copies.
    """

    def __init__(self, head: dict, copies: int = 2, init_cfg: dict | list[dict] | None = None) -> None:
        if copies < 2:
            raise UserError(f'SummedHead got copies={copies}; give at least 2, or use the head itself.')
        heads = [MODELS.build(head) for _ in range(copies)]
        first = heads[0]
        super().__init__(
            in_channels=head['in_channels'],
            channels=first.channels,
            num_classes=first.num_classes,
            out_channels=first.out_channels,
            dropout_ratio=0,
            in_index=first.in_index,
            input_transform=first.input_transform,
            ignore_index=first.ignore_index,
            align_corners=first.align_corners,
            loss_decode=head.get('loss_decode', dict(type='CrossEntropyLoss')),
            init_cfg=init_cfg or [],
        )
        self.conv_seg = None  # the copies have their own
        self.classifiers = ModuleList(heads)  # mmengine's, since init_weights does not reach through torch's

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map a backbone's features to logits (N, K, h, w)."""
        return sum(head(inputs) for head in self.classifiers)
