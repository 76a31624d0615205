"""A discriminator that judges every pixel."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class DilatedDiscriminator(BaseModule):
    """3x3 convolutions with growing dilation instead of strides: one logit for each pixel of the input.

    It takes maps of any size, even the small ones of a network with a low output resolution. Its logits have the grid
    of its input, so that a loss can be weighted per pixel.

    Args:
        in_channels: Channels of the input, usually the number of classes.
        base_channels: Width of the hidden layers.
        dilations: Dilation of each hidden layer; the field of view is 1 + 2 * (sum + 1) pixels, 17 by default.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.

    Example:
        >>> DilatedDiscriminator(6)(torch.rand(2, 6, 12, 12)).shape
        torch.Size([2, 1, 12, 12])
    """

    def __init__(
        self,
        in_channels: int,
        base_channels: int = 16,
        dilations: Sequence[int] = (1, 2, 4),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        layers: list[nn.Module] = []
        channels = in_channels
        for dilation in dilations:
            layers += [nn.Conv2d(channels, base_channels, 3, padding=dilation, dilation=dilation), nn.LeakyReLU(0.2)]
            channels = base_channels
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to logits (N, 1, h, w), without sigmoid.

        Raises:
            UserError: If the channels do not fit.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise UserError(
                f'DilatedDiscriminator got an input of shape {tuple(x.shape)} but expects (N, {self.in_channels}, h, '
                'w); set its in_channels to the channels of the tap it reads.'
            )
        return self.layers(x)
