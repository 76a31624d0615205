"""Differences of tensors, element by element."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


def check_same_shape(name: str, pred: Tensor, reference: Tensor) -> None:
    """Refuse shapes that would broadcast silently."""
    if pred.shape != reference.shape:
        raise UserError(
            f'{name} got tensors of shapes {tuple(pred.shape)} and {tuple(reference.shape)}; '
            'bring both onto one grid before comparing them.'
        )


class PixelLoss(nn.Module):
    """Mean of an elementwise distance; subclasses say which."""

    def forward(self, pred: Tensor, reference: Tensor) -> Tensor:
        """Compare two tensors of one shape, images or features; a scalar.

        Raises:
            UserError: If the shapes differ.
        """
        check_same_shape(type(self).__name__, pred, reference)
        return self.distance(pred, reference)

    def distance(self, pred: Tensor, reference: Tensor) -> Tensor:
        raise NotImplementedError


@MODELS.register_module()
class PixelMSELoss(PixelLoss):
    """Mean squared difference (SRDA-Net eq. 3, between images)."""

    def distance(self, pred: Tensor, reference: Tensor) -> Tensor:
        return F.mse_loss(pred, reference)


@MODELS.register_module()
class PixelL1Loss(PixelLoss):
    """Mean absolute difference (SRDA-Net eq. 5, between features)."""

    def distance(self, pred: Tensor, reference: Tensor) -> Tensor:
        return F.l1_loss(pred, reference)
