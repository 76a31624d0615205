"""The segmentation stream S of SRDA-Net with the pyramid feature fusion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmuda.registry import MODELS


@MODELS.register_module()
class PyramidFusionHead(BaseDecodeHead):
    """Fuses the extractor's feature with the two upsampled features of the super-resolution stream (strategy 1).

    Resize the feature to the first upsampled one, concatenate, convolve (3x3); resize to the second, concatenate,
    convolve (3x3); convolve (9x9) to the classes. No activation in between; resizes are bilinear.

    Args:
        num_classes: Number of classes.
        base_channels: Width, the same as that of the backbone and the super-resolution head. The paper uses 64.
        out_channels: Channels of the logits; None for ``num_classes``.
        align_corners: For the resizes inside and those of the logits. SRDA-Net aligns corners.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
        **kwargs: Further arguments of mmseg's ``BaseDecodeHead`` (``loss_decode``, ``ignore_index``, ...).
    """

    # Asked by SuperResolutionSegmentor: this head wants (feature, up1, up2), not the backbone's features alone.
    reads_sr_features = True

    def __init__(
        self,
        num_classes: int,
        base_channels: int = 64,
        out_channels: int | None = None,
        align_corners: bool = True,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        # Stating out_channels keeps mmseg from advising one output channel for two classes.
        super().__init__(
            [4 * base_channels, 4 * base_channels, 2 * base_channels],
            base_channels,
            num_classes=num_classes,
            out_channels=out_channels or num_classes,
            dropout_ratio=0,
            in_index=[0, 1, 2],
            input_transform='multiple_select',
            align_corners=align_corners,
            init_cfg=init_cfg,
            **kwargs,
        )
        self.fuse1 = nn.Conv2d(8 * base_channels, 2 * base_channels, 3, padding=1)
        self.fuse2 = nn.Conv2d(4 * base_channels, base_channels, 3, padding=1)
        self.conv_seg = nn.Conv2d(base_channels, self.out_channels, 9, padding=4)

    def forward(self, inputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Fuse and classify.

        Args:
            inputs: feature (N, 4b, h, w), up1 (N, 4b, 2h, 2w), up2 (N, 2b, 4h, 4w), with b = base_channels.

        Returns:
            Logits (N, out_channels, 4h, 4w), that is about twice the size of the image.
        """
        feature, up1, up2 = self._transform_inputs(inputs)
        fused = self.fuse1(torch.cat([self._resize_to(feature, up1), up1], dim=1))
        fused = self.fuse2(torch.cat([self._resize_to(fused, up2), up2], dim=1))
        return self.cls_seg(fused)

    def _resize_to(self, x: Tensor, reference: Tensor) -> Tensor:
        return F.interpolate(x, size=reference.shape[-2:], mode='bilinear', align_corners=self.align_corners)
