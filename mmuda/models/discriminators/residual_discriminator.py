"""Low2High's residual discriminator of label maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

from .base import activation


class BinomialBlur(nn.Module):
    """The fixed 3x3 kernel [1, 2, 1] x [1, 2, 1] / 16 on each channel; borders are reflected."""

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer('kernel', (row[:, None] * row / 16)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        padded = F.pad(x, (1, 1, 1, 1), mode='reflect')
        return F.conv2d(padded, self.kernel.to(x.dtype).expand(channels, 1, 3, 3), groups=channels)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and, where strided, a third; a 1x1 convolution is added to them.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        stride: 1 or 2.
        blur: Whether to blur before the strided convolution.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, blur: bool) -> None:
        super().__init__()
        self.residual = nn.Conv2d(in_channels, channels, 1, stride=stride)
        self.pair = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1),
            activation(),
            nn.Conv2d(channels, channels, 3, padding=1),
            activation(),
        )
        self.down = None
        if stride > 1:
            strided = nn.Conv2d(channels, channels, 3, stride=stride, padding=1)
            self.down = nn.Sequential(BinomialBlur(), strided) if blur else nn.Sequential(strided)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pair(x)
        if self.down is not None:
            y = self.down(y)
        return (y + self.residual(x)) / math.sqrt(2)


@MODELS.register_module()
class ResidualDiscriminator(BaseModule):
    """Residual blocks, a 3x3 convolution, a linear layer: one logit per image (Low2High, Table S6).

    The table gives layers and parameters, 2,787,521 in all, in the layout of a StyleGAN2 discriminator. The rest
    follows StyleGAN2: LeakyReLU 0.2, a blur before strided convolutions, and each block's sum divided by the root of 2.

    Args:
        in_channels: Channels of the input, 1 for label maps.
        channels: Output channels of the blocks; all but the last halve the map.
        input_size: Height and width of the input in pixels; the linear layer depends on it.
        blur: Whether to blur before strided convolutions.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: Sequence[int] = (32, 64, 128, 128, 128, 128, 128, 128),
        input_size: int = 256,
        blur: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        strides = [2] * (len(channels) - 1) + [1]
        size = input_size
        for stride in strides:
            if blur and stride > 1 and size < 2:
                raise UserError(
                    f'ResidualDiscriminator has no pixels left: {len(channels)} blocks halve {input_size} px '
                    f'{len(channels) - 1} times; give fewer channels or a larger input_size.'
                )
            size = -(-size // stride)
        self.in_channels, self.input_size = in_channels, input_size
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(before, after, stride, blur)
                for before, after, stride in zip([in_channels, *channels[:-1]], channels, strides, strict=True)
            )
        )
        self.last = nn.Conv2d(channels[-1], channels[-1], 3, padding=1)
        self.judge = nn.Linear(channels[-1] * size * size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, input_size, input_size) to logits (N, 1).

        Raises:
            UserError: If the shape does not fit.
        """
        if x.shape[1:] != (self.in_channels, self.input_size, self.input_size):
            raise UserError(
                f'ResidualDiscriminator got an input of shape {tuple(x.shape)} but expects (N, {self.in_channels}, '
                f'{self.input_size}, {self.input_size}); set in_channels and input_size, or the crop_size of its term.'
            )
        return self.judge(self.last(self.blocks(x)).flatten(1))
