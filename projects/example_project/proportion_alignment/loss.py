"""Keeps class proportions within a band."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class ProportionLoss(nn.Module):
    """Costs nothing while each class's share is within a factor of its expected share.

    With the expected shares p, the predicted shares q and the tolerance t >= 1::

        loss = sum_k p_k * max(0, |log q_k - log p_k| - log t)

    Cities differ, and so do crops: only shares that are off by more than the tolerance are pulled back.

    Args:
        tolerance: Factor t; 2 accepts half to twice the expected share. 1 accepts nothing but the share itself.

    Raises:
        UserError: If ``tolerance`` is below 1.

    Example:
        >>> ProportionLoss(tolerance=2.0)(torch.tensor([0.7, 0.3]), torch.tensor([0.6, 0.4]))
        tensor(0.)
    """

    def __init__(self, tolerance: float = 2.0) -> None:
        super().__init__()
        if tolerance < 1:
            raise UserError(f'ProportionLoss got tolerance={tolerance}; give a factor of at least 1.')
        self.tolerance = tolerance

    def forward(self, predicted: Tensor, expected: Tensor) -> Tensor:
        """Compare shares.

        Args:
            predicted: Predicted shares q, (K,), in [0, 1].
            expected: Expected shares p, (K,), in (0, 1].

        Returns:
            Scalar.

        Raises:
            UserError: If the two have different shapes.
        """
        if predicted.shape != expected.shape:
            raise UserError(
                f'ProportionLoss got {tuple(predicted.shape)} predicted and {tuple(expected.shape)} expected shares; '
                'set num_classes of the alignment to that of the segmentor.'
            )
        predicted = predicted.clamp_min(torch.finfo(predicted.dtype).tiny)
        distance = (predicted.log() - expected.log()).abs() - math.log(self.tolerance)
        return (expected * distance.relu()).sum()

    def extra_repr(self) -> str:
        return f'tolerance={self.tolerance}'
