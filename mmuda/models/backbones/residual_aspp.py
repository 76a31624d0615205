"""Residual ASPP, the feature extractor E of SRDA-Net, and the backbone of its NoAdapt baseline."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

DILATIONS = (1, 4, 8)
NEGATIVE_SLOPE = 0.1


def _conv3x3(in_channels: int, out_channels: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False)


def _activation() -> nn.LeakyReLU:
    # In place, which halves the memory: the convolution before it does not need its output in the backward pass.
    return nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)


class ResidualBlock(nn.Module):
    """``x + conv3x3(LeakyReLU(conv3x3(x)))``, without bias.

    Args:
        channels: Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv3x3(channels, channels)
        self.act = _activation()
        self.conv2 = _conv3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        return x + self.conv2(self.act(self.conv1(x)))


class ResidualASPPBlock(nn.Module):
    """A cascade of three atrous pyramids: ``x + b_1 + b_2 + b_3``, ``b_0 = x``.

    ``b_k = conv1x1(concat(LeakyReLU(conv3x3 of dilation d of b_{k-1}) for d in 1, 4, 8))``, without bias.

    Args:
        channels: Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pyramids = nn.ModuleList(
            nn.ModuleList(nn.Sequential(_conv3x3(channels, channels, d), _activation()) for d in DILATIONS)
            for _ in range(3)
        )
        self.merges = nn.ModuleList(nn.Conv2d(len(DILATIONS) * channels, channels, 1, bias=False) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        total, feature = x, x
        for pyramid, merge in zip(self.pyramids, self.merges, strict=True):
            feature = merge(torch.cat([branch(feature) for branch in pyramid], dim=1))
            total = total + feature
        return total


@MODELS.register_module()
class ResidualASPP(BaseModule):
    """The shared feature extractor E of SRDA-Net (https://arxiv.org/abs/2005.06382, Section IV-B).

    Three 3x3 convolutions, a max-pool of stride 2, then ResBlock, ResASPP, ResBlock, ResASPP, ResBlock. No norm, no
    bias. 15,705,792 parameters for three input channels and ``base_channels=64``.

    Args:
        in_channels: Channels of the image.
        base_channels: Width; the output has four times as many channels. The paper uses 64.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.

    Example:
        >>> ResidualASPP(base_channels=8)(torch.rand(1, 3, 57, 114))[0].shape
        torch.Size([1, 32, 29, 57])
    """

    def __init__(self, in_channels: int = 3, base_channels: int = 64, init_cfg: dict | list[dict] | None = None):
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.out_channels = 4 * base_channels
        widths = (in_channels, base_channels, 2 * base_channels, 4 * base_channels)
        stem = []
        for narrow, wide in zip(widths[:-1], widths[1:], strict=True):
            stem += [_conv3x3(narrow, wide), _activation()]
        self.stem = nn.Sequential(*stem, _pool())
        self.blocks = nn.Sequential(*self._make_blocks(self.out_channels))

    @staticmethod
    def _make_blocks(channels: int) -> list[nn.Module]:
        return [
            ResidualBlock(channels),
            ResidualASPPBlock(channels),
            ResidualBlock(channels),
            ResidualASPPBlock(channels),
            ResidualBlock(channels),
        ]

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract the feature map.

        Args:
            x: Images (N, in_channels, H, W), scaled to [-1, 1].

        Returns:
            One feature map (N, 4 * base_channels, ceil(H / 2), ceil(W / 2)).

        Raises:
            UserError: If ``x`` does not have ``in_channels`` channels.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise UserError(
                f'{type(self).__name__} got an input of shape {tuple(x.shape)} but expects (N, {self.in_channels}, H, '
                'W); set in_channels of the backbone to the number of image bands.'
            )
        return (self.blocks(self.stem(x)),)


@MODELS.register_module()
class NoAdaptBackbone(ResidualASPP):
    """The backbone of the NoAdapt baseline of SRDA-Net: the same blocks, with a second pool after the first ResASPP.

    The feature map is (N, 4 * base_channels, ~H / 4, ~W / 4). With :class:`~mmuda.models.decode_heads.ConvHead` in an
    mmseg ``EncoderDecoder`` this is NoAdapt, 15,747,266 parameters for two classes and ``base_channels=64``.

    Args:
        in_channels: Channels of the image.
        base_channels: Width; the output has four times as many channels. The paper uses 64.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
    """

    @staticmethod
    def _make_blocks(channels: int) -> list[nn.Module]:
        return [
            ResidualBlock(channels),
            ResidualASPPBlock(channels),
            _pool(),
            ResidualBlock(channels),
            ResidualASPPBlock(channels),
            ResidualBlock(channels),
        ]
