"""mmseg's ResNet that also gives its stem, for U-Nets."""

from __future__ import annotations

from mmseg.models.backbones import ResNet
from torch import Tensor

from mmuda.registry import MODELS


@MODELS.register_module()
class StemResNet(ResNet):
    """mmseg's ResNet whose first output is that of the stem before max pooling, at half the image's size.

    Low2High's encoder is ``depth=18``: for 512 x 512 px its outputs have 64, 64, 128, 256 and 512 channels at 256, 128,
    64, 32 and 16 px (Table S4). The stages that ``out_indices`` names follow the stem.

    Args:
        depth: 18, 34, 50, 101 or 152.
        **kwargs: As mmseg's ``ResNet``.
    """

    def __init__(self, depth: int = 18, **kwargs) -> None:
        super().__init__(depth, **kwargs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of an image (N, C, H, W): the stem's (N, 64, H/2, W/2), then the stages'."""
        x = self.stem(x) if self.deep_stem else self.relu(self.norm1(self.conv1(x)))
        outputs = [x]
        x = self.maxpool(x)
        for i, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                outputs.append(x)
        return tuple(outputs)
