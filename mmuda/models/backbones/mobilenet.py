"""mmseg's MobileNets for images of any number of bands."""

from __future__ import annotations

from mmseg.models import backbones
from torch import nn

from mmuda.registry import MODELS


@MODELS.register_module()
class MobileNetV2(backbones.MobileNetV2):
    """mmseg's ``MobileNetV2``, whose first convolution is for three bands, for any number.

    Args:
        in_channels: Bands of the image.
        **kwargs: As mmseg's.
    """

    def __init__(self, in_channels: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        _take_bands(self.conv1, in_channels)


@MODELS.register_module()
class MobileNetV3(backbones.MobileNetV3):
    """mmseg's ``MobileNetV3``, likewise.

    Args:
        in_channels: Bands of the image.
        **kwargs: As mmseg's.
    """

    def __init__(self, in_channels: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        _take_bands(self.layer0, in_channels)


def _take_bands(first: nn.Module, in_channels: int) -> None:
    """Replace the convolution of a ``ConvModule`` if it takes another number of channels."""
    conv = first.conv
    if conv.in_channels == in_channels:
        return
    options = dict(stride=conv.stride, padding=conv.padding, dilation=conv.dilation, bias=conv.bias is not None)
    first.conv = type(conv)(in_channels, conv.out_channels, conv.kernel_size, **options)
    first.in_channels = in_channels
