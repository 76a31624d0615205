"""PatchGAN, the pixel-level domain classifier of SRDA-Net."""

from __future__ import annotations

from torch import nn

from mmuda.registry import MODELS

from .base import ConvDiscriminator, activation, conv4x4


@MODELS.register_module()
class PatchDiscriminator(ConvDiscriminator):
    """PatchGAN with a receptive field of 70 pixels (https://arxiv.org/abs/1611.07004); PDC of SRDA-Net.

    4x4 convolutions to 1, 2, 4, 8 times ``base_channels`` and to one logit, strides 2, 2, 2, 1, 1, padding 1; instance
    norm (not affine) on the middle three; LeakyReLU 0.2. 2,764,737 parameters for 3 channels and width 64.

    Args:
        in_channels: Channels of the image.
        base_channels: Width of the first convolution.
        init_cfg: mmengine's initialisation config; N(0, 0.02) with zero biases by default, as in the released code of
            CycleGAN and SRDA-Net.

    Example:
        >>> PatchDiscriminator(base_channels=8)(torch.rand(2, 3, 160, 160)).shape
        torch.Size([2, 1, 18, 18])
    """

    def __init__(self, in_channels: int = 3, base_channels: int = 64, init_cfg: dict | list[dict] | None = None):
        layers = [conv4x4(in_channels, base_channels, stride=2), activation()]
        for multiple, stride in ((2, 2), (4, 2), (8, 1)):
            width = multiple * base_channels
            layers += [conv4x4(width // 2, width, stride), nn.InstanceNorm2d(width), activation()]
        layers.append(conv4x4(8 * base_channels, 1, stride=1))
        released = dict(type='Normal', layer='Conv2d', mean=0.0, std=0.02, bias=0.0)
        super().__init__(in_channels, layers, min_size=24, init_cfg=init_cfg or released)
