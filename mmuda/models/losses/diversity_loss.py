"""How evenly predictions spread over the classes."""

from __future__ import annotations

import math

from torch import Tensor, nn

from mmuda.registry import MODELS

from .entropy_loss import TINY


@MODELS.register_module()
class DiversityLoss(nn.Module):
    """``log K - H(mean p)``: the divergence of the mean prediction from equal shares of all classes, in nats.

    It is 0 where the mean over all pixels of the batch gives each of the K classes 1 / K, and log K where all pixels
    are surely of one class. Beside :class:`EntropyLoss` it makes predictions certain without letting one class take
    all (information maximisation: https://arxiv.org/abs/2002.08546, equation 3, its diversity term plus log K). Where
    the classes' real shares are far from equal, a large weight harms.

    The mean is that of the process's own batch. In a :class:`TapLoss` it leaves out pixels without data.
    """

    pixelwise = True

    def forward(self, prob: Tensor) -> Tensor:
        """Scalar in [0, log K] of probabilities (N, K, h, w)."""
        mean = prob.transpose(0, 1).flatten(1).mean(dim=1)
        return math.log(len(mean)) + (mean * (mean + TINY).log()).sum()
