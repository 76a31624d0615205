"""Total variation of an image."""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class TotalVariationLoss(nn.Module):
    """Twice the mean squared difference of vertical neighbours plus that of horizontal neighbours.

    ``2 / N * (sum (x[i+1, j] - x[i, j])^2 / (C (H-1) W) + sum (x[i, j+1] - x[i, j])^2 / (C H (W-1)))``: the definition
    of the super-resolution codes that SRDA-Net's follows; it uses 2e-8 as its weight.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Total variation of images (N, C, H, W); a scalar.

        Raises:
            UserError: If the image has fewer than two rows or columns.
        """
        if image.dim() != 4 or min(image.shape[-2:]) < 2:
            raise UserError(
                f'TotalVariationLoss got a tensor of shape {tuple(image.shape)}; give images (N, C, H, W) of at least '
                '2x2 pixels.'
            )
        vertical = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
        horizontal = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
        return 2 * (vertical + horizontal)
