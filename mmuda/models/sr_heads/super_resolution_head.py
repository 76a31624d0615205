"""The super-resolution stream R of SRDA-Net."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.registry import MODELS


def _upsample(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1),
        nn.ReLU(inplace=True),
    )


@MODELS.register_module()
class SuperResolutionHead(BaseModule):
    """Two transposed convolutions of stride 2, then a 9x9 convolution to the image (R of SRDA-Net).

    The image is resized (bilinear, align_corners) to any size, so that the ratio of the two resolutions need not be an
    integer, and squashed by tanh. The two upsampled feature maps also serve the segmentation
    (:class:`~mmuda.models.decode_heads.PyramidFusionHead`).

    Args:
        base_channels: Width; the input has four times as many channels. The paper uses 64.
        out_channels: Channels of the image.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
    """

    # The methods that training calls, for torch.compile.
    compiled_methods = ('forward_features', 'forward_image')

    def __init__(self, base_channels: int = 64, out_channels: int = 3, init_cfg: dict | list[dict] | None = None):
        super().__init__(init_cfg)
        self.up1 = _upsample(4 * base_channels, 4 * base_channels)
        self.up2 = _upsample(4 * base_channels, 2 * base_channels)
        self.to_image = nn.Conv2d(2 * base_channels, out_channels, 9, padding=4)

    def forward_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Upsample the feature map twice.

        Args:
            x: Feature map (N, 4 * base_channels, h, w).

        Returns:
            (N, 4 * base_channels, 2h, 2w) and (N, 2 * base_channels, 4h, 4w), both after ReLU.
        """
        up1 = self.up1(x)
        return up1, self.up2(up1)

    def forward_image(self, up2: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Render the super-resolved image.

        Args:
            up2: Second upsampled feature map (N, 2 * base_channels, 4h, 4w).
            size: Height and width of the image. None keeps 4h, 4w.

        Returns:
            Image (N, out_channels, H, W) in [-1, 1].
        """
        image = self.to_image(up2)
        if size is not None:
            image = F.interpolate(image, size=tuple(size), mode='bilinear', align_corners=True)
        return torch.tanh(image)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """The super-resolved image of a feature map; see the two methods above."""
        return self.forward_image(self.forward_features(x)[1], size)
