"""How certain a prediction is: entropy and maximum squares."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

TINY = 1e-30


def self_information(prob: Tensor) -> Tensor:
    """Weighted self-information map ``-p log(p) / log K`` (ADVENT, https://arxiv.org/abs/1811.12833, equation 2).

    Args:
        prob: Probabilities (N, K, h, w), K at least 2.

    Returns:
        Same shape; its sum over the classes is the normalised entropy, in [0, 1].

    Raises:
        UserError: If there is only one channel, whose entropy says nothing.
    """
    if prob.shape[1] < 2:
        raise UserError(
            f'Entropy needs the probabilities of at least two classes, got the shape {tuple(prob.shape)}; '
            'a foreground class and its background make two.'
        )
    return -prob * torch.log(prob + TINY) / math.log(prob.shape[1])


@MODELS.register_module()
class EntropyLoss(nn.Module):
    """Mean over pixels of the entropy (MinEnt, https://arxiv.org/abs/1811.12833, equation 3).

    Args:
        normalised: Divide by log K, its largest value for K classes (ADVENT, MinEnt). False gives the plain entropy in
            nats (TENT, https://arxiv.org/abs/2006.10726).
    """

    pixelwise = True

    def __init__(self, normalised: bool = True) -> None:
        super().__init__()
        self.normalised = normalised

    def forward(self, prob: Tensor) -> Tensor:
        """Scalar in [0, 1] of probabilities (N, K, h, w), or in [0, log K]."""
        entropy = self_information(prob).sum(dim=1).mean()
        return entropy if self.normalised else entropy * math.log(prob.shape[1])


@MODELS.register_module()
class MaxSquareLoss(nn.Module):
    """``-mean(p^2) / 2``, mean over pixels and classes as the authors' code (https://arxiv.org/abs/1909.13589, eq. 5).

    Unlike the entropy's, its gradient grows linearly with the probability: certain pixels do not outweigh the others.

    Args:
    """

    pixelwise = True

    def forward(self, prob: Tensor) -> Tensor:
        """Scalar in [-1 / 2, 0] of probabilities (N, K, h, w)."""
        return -prob.square().mean() / 2
