"""Style: differences of Gram matrices."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


def gram_matrix(features: Tensor, normalize: bool = True) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, h, w), divided by C h w if ``normalize``."""
    flat = features.flatten(2)
    gram = torch.bmm(flat, flat.transpose(1, 2))
    return gram / flat[0].numel() if normalize else gram


@MODELS.register_module()
class GramLoss(nn.Module):
    """Squared Frobenius distance of Gram matrices, mean over the batch (PFR equation 2, one stage).

    The paper gives no normalisation; Gram matrices are divided by C h w, as in style transfer
    (https://arxiv.org/abs/1603.08155, equation 3), unless ``normalize`` is False. Sizes of the two maps may differ.

    Args:
        normalize: Divide by C h w.
    """

    def __init__(self, normalize: bool = True) -> None:
        super().__init__()
        self.normalize = normalize

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Compare features (N, C, h, w) and (N, C, h', w'); a scalar.

        Raises:
            UserError: If batch or channels differ.
        """
        if source.shape[:2] != target.shape[:2]:
            raise UserError(
                f'GramLoss got features of shapes {tuple(source.shape)} and {tuple(target.shape)}; read the same tap '
                'of both domains, with equal batches.'
            )
        difference = gram_matrix(source, self.normalize) - gram_matrix(target, self.normalize)
        return difference.square().sum(dim=(1, 2)).mean()
