"""The U-Net decoder of Low2High."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

UPSAMPLE = ('nearest', 'bilinear')


@MODELS.register_module()
class UNetHead(BaseDecodeHead):
    """Upsample, concatenate a skip, two 3x3 convolutions with ReLU; four times, then a 3x3 convolution at full size.

    Low2High's Table S5 for ResNet-18 (:class:`StemResNet`): convolutions with bias and without norm, 256, 128, 64 and
    64 channels. The logits are twice as large as the finest feature map, so as large as the image.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the feature maps, the finest first.
        widths: Channels of the blocks, the coarsest first; one fewer than feature maps.
        upsample: ``'nearest'`` or ``'bilinear'``; the paper does not say.
        out_channels: Channels of the logits; None for ``num_classes``.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
        **kwargs: Further arguments of mmseg's ``BaseDecodeHead`` (``loss_decode``, ``ignore_index``, ...).

    Raises:
        UserError: If the widths do not fit the feature maps, or ``upsample`` is unknown.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (64, 64, 128, 256, 512),
        widths: Sequence[int] = (256, 128, 64, 64),
        upsample: str = 'nearest',
        out_channels: int | None = None,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        if len(widths) != len(in_channels) - 1:
            raise UserError(f'UNetHead got {len(in_channels)} feature maps and {len(widths)} widths; give one fewer.')
        if upsample not in UPSAMPLE:
            raise UserError(f'UNetHead got upsample={upsample!r}; give one of {", ".join(UPSAMPLE)}.')
        super().__init__(
            list(in_channels),
            widths[-1],
            num_classes=num_classes,
            out_channels=out_channels or num_classes,
            **{
                **dict(
                    dropout_ratio=0,
                    in_index=list(range(len(in_channels))),
                    input_transform='multiple_select',
                    init_cfg=init_cfg,
                ),
                **kwargs,
            },
        )
        self.upsample = upsample
        skips = list(in_channels[-2::-1])
        below = [in_channels[-1], *widths[:-1]]
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(deep + skip, width, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(width, width, 3, padding=1),
                nn.ReLU(inplace=True),
            )
            for deep, skip, width in zip(below, skips, widths, strict=True)
        )
        self.conv_seg = nn.Conv2d(widths[-1], self.out_channels, 3, padding=1)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map features, the finest (N, C_0, h, w) first, to logits (N, out_channels, 2h, 2w)."""
        *skips, x = self._transform_inputs(inputs)
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(torch.cat([self._resize(x, skip.shape[-2:]), skip], dim=1))
        return self.cls_seg(self._resize(x, tuple(2 * size for size in x.shape[-2:])))

    def _resize(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        aligned = {} if self.upsample == 'nearest' else dict(align_corners=False)
        return F.interpolate(x, size=size, mode=self.upsample, **aligned)
