"""The fully convolutional discriminator of the output space."""

from __future__ import annotations

from mmuda.registry import MODELS

from .base import ConvDiscriminator, activation, conv4x4


@MODELS.register_module()
class FCDiscriminator(ConvDiscriminator):
    """Five 4x4 convolutions of stride 2 (AdaptSegNet, https://arxiv.org/abs/1802.10349); ODC of SRDA-Net.

    Channels 1, 2, 4, 8 times ``base_channels``, then one logit; padding 1, LeakyReLU 0.2, no norm. 2,763,713
    parameters for 2 channels and width 64.

    Args:
        in_channels: Channels of the input, usually the number of classes.
        base_channels: Width of the first convolution.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.

    Example:
        >>> FCDiscriminator(2, base_channels=8)(torch.rand(2, 2, 228, 228)).shape
        torch.Size([2, 1, 7, 7])
    """

    def __init__(self, in_channels: int, base_channels: int = 64, init_cfg: dict | list[dict] | None = None):
        widths = [in_channels, *(multiple * base_channels for multiple in (1, 2, 4, 8))]
        layers = []
        for narrow, wide in zip(widths[:-1], widths[1:], strict=True):
            layers += [conv4x4(narrow, wide, stride=2), activation()]
        layers.append(conv4x4(widths[-1], 1, stride=2))
        super().__init__(in_channels, layers, min_size=32, init_cfg=init_cfg)
