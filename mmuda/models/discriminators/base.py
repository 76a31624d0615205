"""What the discriminators share."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.utils.errors import UserError

NEGATIVE_SLOPE = 0.2


def conv4x4(in_channels: int, out_channels: int, stride: int) -> nn.Conv2d:
    """A 4x4 convolution with padding 1 and bias."""
    return nn.Conv2d(in_channels, out_channels, 4, stride=stride, padding=1)


def activation() -> nn.LeakyReLU:
    """LeakyReLU 0.2; in place, since no convolution or norm before it needs its output in the backward pass."""
    return nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)


class ConvDiscriminator(BaseModule):
    """A fully convolutional discriminator: ``layers`` map (N, in_channels, H, W) to logits (N, 1, h, w).

    Args:
        in_channels: Channels of the input.
        layers: The network.
        min_size: Smallest height and width that leaves at least one logit.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
    """

    def __init__(
        self, in_channels: int, layers: list[nn.Module], min_size: int, init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.min_size = min_size
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Judge the input; logits, without sigmoid.

        Raises:
            UserError: If the channels do not fit or the input is too small.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise UserError(
                f'{type(self).__name__} got an input of shape {tuple(x.shape)} but expects (N, {self.in_channels}, H, '
                'W); set its in_channels to the channels of the tap it reads.'
            )
        if min(x.shape[-2:]) < self.min_size:
            raise UserError(
                f'{type(self).__name__} got an input of {x.shape[-2]}x{x.shape[-1]} pixels but needs {self.min_size}x'
                f'{self.min_size}; use larger crops or another discriminator.'
            )
        return self.layers(x)
