"""A head that is one convolution."""

from __future__ import annotations

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class ConvHead(BaseDecodeHead):
    """One convolution from the feature map to the classes; the segmentation head of SRDA-Net's NoAdapt baseline.

    It has no parameters besides that convolution, ``conv_seg``.

    Args:
        in_channels: Channels of the feature map.
        num_classes: Number of classes.
        kernel_size: Odd side of the kernel; the size of the map is kept.
        out_channels: Channels of the logits; None for ``num_classes``.
        align_corners: How logits are resized to labels and images. SRDA-Net aligns corners.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
        **kwargs: Further arguments of mmseg's ``BaseDecodeHead`` (``loss_decode``, ``ignore_index``, ...).

    Raises:
        UserError: If ``kernel_size`` is even.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        kernel_size: int = 9,
        out_channels: int | None = None,
        align_corners: bool = True,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        if kernel_size % 2 == 0:
            raise UserError(f'ConvHead got kernel_size={kernel_size}; give an odd one, so that the map keeps its size.')
        # Stating out_channels keeps mmseg from advising one output channel for two classes.
        super().__init__(
            in_channels,
            in_channels,
            num_classes=num_classes,
            out_channels=out_channels or num_classes,
            dropout_ratio=0,
            align_corners=align_corners,
            init_cfg=init_cfg,
            **kwargs,
        )
        self.conv_seg = nn.Conv2d(in_channels, self.out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map ``inputs[in_index]`` (N, in_channels, h, w) to logits (N, out_channels, h, w)."""
        return self.cls_seg(self._transform_inputs(inputs))
