"""Adversarial losses on a discriminator's logits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


def _vanilla(logits: Tensor, target_is_real: bool, is_disc: bool) -> Tensor:
    label = torch.full_like(logits, float(target_is_real))
    return F.binary_cross_entropy_with_logits(logits, label, reduction='none')


def _lsgan(logits: Tensor, target_is_real: bool, is_disc: bool) -> Tensor:
    return (logits - float(target_is_real)) ** 2


def _wgan(logits: Tensor, target_is_real: bool, is_disc: bool) -> Tensor:
    return -logits if target_is_real else logits


def _hinge(logits: Tensor, target_is_real: bool, is_disc: bool) -> Tensor:
    signed = _wgan(logits, target_is_real, is_disc)
    return F.relu(1 + signed) if is_disc else signed


_ELEMENTWISE = {'vanilla': _vanilla, 'lsgan': _lsgan, 'hinge': _hinge, 'wgan': _wgan}


@MODELS.register_module()
class GANLoss(nn.Module):
    """Drives logits x towards real (label 1) or fake (label 0); the mean over all elements.

    | gan_type | towards real | towards fake |
    |---|---|---|
    | ``vanilla`` (SRDA-Net ODC, eq. 15-20) | -log sigmoid(x) | -log(1 - sigmoid(x)) |
    | ``lsgan`` (SRDA-Net PDC, eq. 9-10) | (x - 1)^2 | x^2 |
    | ``hinge``, discriminator | max(0, 1 - x) | max(0, 1 + x) |
    | ``hinge``, generator; ``wgan`` | -x | x |

    Some codes halve a discriminator's loss; here that is left to the caller that sums the two domains.

    Args:
        gan_type: ``'vanilla'``, ``'lsgan'``, ``'hinge'`` or ``'wgan'``.

    Raises:
        UserError: If ``gan_type`` is none of these.
    """

    def __init__(self, gan_type: str = 'vanilla') -> None:
        super().__init__()
        if gan_type not in _ELEMENTWISE:
            raise UserError(f"GANLoss got gan_type='{gan_type}'; use one of {', '.join(_ELEMENTWISE)}.")
        self.gan_type = gan_type
        # Logits above it count as real when a discriminator's accuracy is logged.
        self.decision_threshold = 0.5 if gan_type == 'lsgan' else 0.0

    def forward(
        self, logits: Tensor, target_is_real: bool, is_disc: bool = False, weight: Tensor | None = None
    ) -> Tensor:
        """Compute the loss.

        Args:
            logits: Output of the discriminator (N, 1, h, w), or of any shape.
            target_is_real: Whether to drive the logits towards real (1) or fake (0).
            is_disc: Whether the discriminator is trained; only the hinge loss differs.
            weight: Factor of each element, of a shape that broadcasts to the logits'. The mean is still over the
                number of elements, so a weight of 2 doubles the loss.

        Returns:
            Scalar.

        Raises:
            UserError: If ``weight`` does not broadcast to the logits.
        """
        loss = _ELEMENTWISE[self.gan_type](logits, target_is_real, is_disc)
        if weight is not None:
            loss = loss * self._fit(weight, loss)
        return loss.mean()

    @staticmethod
    def _fit(weight: Tensor, loss: Tensor) -> Tensor:
        try:
            return weight.expand_as(loss)
        except RuntimeError as error:
            raise UserError(
                f'GANLoss got a weight of shape {tuple(weight.shape)}, which does not broadcast to the logits of shape '
                f'{tuple(loss.shape)}; resize the weight map to the logits.'
            ) from error

    def extra_repr(self) -> str:
        return f"gan_type='{self.gan_type}'"
