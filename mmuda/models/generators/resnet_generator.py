"""The residual generator of CycleGAN."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

ACTIVATIONS = dict(relu=nn.ReLU, tanh=nn.Tanh, sigmoid=nn.Sigmoid)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflection padding and instance norm, added to their input.

    Args:
        channels: Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


@MODELS.register_module()
class ResNetGenerator(BaseModule):
    """c7s1-k, d2k, d4k, residual blocks, u2k, uk, c7s1 (CycleGAN, https://arxiv.org/abs/1703.10593, section 7.2).

    Args:
        in_channels: Channels of the image that is translated.
        out_channels: Channels of the translated image; None for the same number.
        base_channels: k, 64 in the paper.
        blocks: Residual blocks: 9 for images of 256 px and more, 6 below.
        activation: Of the last layer: ``'tanh'`` (CycleGAN, images in [-1, 1]), ``'relu'`` (semantic pairing, images
            from 0 upwards) or ``'sigmoid'``.
        init_cfg: mmengine's initialisation config; N(0, 0.02) by default, as in the authors' code.

    Raises:
        UserError: If the activation is unknown.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int | None = None,
        base_channels: int = 64,
        blocks: int = 9,
        activation: str = 'tanh',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            init_cfg or dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], mean=0.0, std=0.02, bias=0.0)
        )
        if activation not in ACTIVATIONS:
            raise UserError(f'activation={activation!r} is not known; give one of {list(ACTIVATIONS)}.')
        k = base_channels
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(in_channels, k, 7), *_normed(k)]
        for width in (2 * k, 4 * k):
            layers += [nn.Conv2d(width // 2, width, 3, stride=2, padding=1), *_normed(width)]
        layers += [ResidualBlock(4 * k) for _ in range(blocks)]
        for width in (2 * k, k):
            layers += [nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1), *_normed(width)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(k, out_channels or in_channels, 7), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Translate (N, in_channels, H, W), H and W divisible by 4, to (N, out_channels, H, W).

        Raises:
            UserError: If height or width is no multiple of 4.
        """
        if x.shape[-2] % 4 or x.shape[-1] % 4:
            raise UserError(
                f'ResNetGenerator got an image of {x.shape[-2]}x{x.shape[-1]} pixels, but halves it twice; give sizes '
                'that are multiples of 4.'
            )
        return self.layers(x)


def _normed(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]
