"""VGG-16's convolutional part, cut at a chosen layer."""

from __future__ import annotations

import torch
from mmcv.cnn.vgg import VGG, make_vgg_layer
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class VGGFeatures(nn.Module):
    """The first ``out_layer`` layers of VGG-16's ``features``, at any width.

    mmcv's ``VGG`` has the layout and names of torchvision's (``features.N.weight``). But it has a single width, gives
    outputs at pools only, and its ``train()`` returns None, so only its layer builder is used here.

    Args:
        width: Channels of the first stage (64 in VGG-16); the stages have 1, 2, 4, 8, 8 times as many.
        out_layer: The output is that of ``features[:out_layer]``: 4 relu1_2, 9 relu2_2, 16 relu3_3, 23 relu4_3,
            30 relu5_3, 31 (all) the last pool.

    Raises:
        UserError: If ``out_layer`` is not in 1..31.
    """

    def __init__(self, width: int = 64, out_layer: int = 31) -> None:
        super().__init__()
        layers, in_channels = [], 3
        for stage, num_blocks in enumerate(VGG.arch_settings[16]):
            out_channels = width * min(2**stage, 8)
            layers += make_vgg_layer(in_channels, out_channels, num_blocks)
            in_channels = out_channels
        if not 1 <= out_layer <= len(layers):
            raise UserError(f'VGGFeatures got out_layer={out_layer}; give a number of layers in 1..{len(layers)}.')
        self.features = nn.Sequential(*layers[:out_layer])
        self.min_size = 2 ** sum(isinstance(layer, nn.MaxPool2d) for layer in self.features)

    def init_he(self, seed: int) -> None:
        """Draw He-normal weights from ``seed`` alone and zero biases.

        PyTorch's default shrinks the activations layer by layer until nothing is left after thirteen; He-normal weights
        preserve the image's variance throughout.
        """
        generator = torch.Generator().manual_seed(seed)
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                fan_in = layer.weight[0].numel()
                values = torch.randn(layer.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
                layer.weight.data.copy_(values)
                layer.bias.data.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to features.

        Raises:
            UserError: If the image is smaller than one pixel of the output.
        """
        if min(x.shape[-2:]) < self.min_size:
            raise UserError(
                f'VGGFeatures got an image of {x.shape[-2]}x{x.shape[-1]} pixels but its pools need {self.min_size}; '
                'use larger crops or a smaller out_layer.'
            )
        return self.features(x)
