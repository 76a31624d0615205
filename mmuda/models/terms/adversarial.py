"""Adversarial alignment of a tap with a discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.registry import MODELS, TERMS
from mmuda.utils.errors import UserError
from mmuda.utils.signatures import default_of

from .base import Term, validity_of
from .tap_reader import TapReader


class ReverseGradient(torch.autograd.Function):
    """Identity forward; the gradient times ``-strength`` backward (Ganin and Lempitsky, 2015)."""

    @staticmethod
    def forward(ctx, tensor: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grad, None


def _fit(weight: Tensor | None, logits: Tensor) -> Tensor | None:
    """A weight map on the grid of the logits; a strided discriminator's is coarser than the tap's."""
    if weight is None or weight.ndim != 4 or weight.shape[-2:] in (logits.shape[-2:], (1, 1)):
        return weight
    return F.interpolate(weight, size=logits.shape[-2:], mode='bilinear', align_corners=False)


def _times(weight: Tensor | None, valid: Tensor | None) -> Tensor | None:
    """Weights that are 0 where there is no data."""
    return weight if valid is None else valid if weight is None else weight * valid


@TERMS.register_module()
class AdversarialAlignment(Term):
    """A discriminator separates source (label 0) from target (label 1); the segmentor makes one look like the other.

    Phases: ``segmentor`` trains the segmentor against the fixed discriminator, ``discriminator`` trains the
    discriminator, and ``reversal`` does both in one backward pass through a gradient reversal (it replaces the other
    two in a plan).

    SRDA-Net's pixel-level classifier (equations 9, 10) reads ``source='source:sr_image'`` and
    ``target='target:fine_image'`` with ``moves='source'``: target images are 1, super-resolved source images 0, and
    the segmentor drives the latter to 1. Its output-space classifier (15 to 20) reads ``prob`` of both with
    ``moves='target'``: the segmentor drives target predictions to 0, the source's label.

    In every phase, logits of patches whose centre holds no data have weight 0.

    Args:
        source: Address ``'view:tap'`` of the tap labelled 0, (N, C, h, w).
        target: Address of the tap labelled 1, with the same number of channels.
        discriminator: Config of the discriminator in MODELS; maps the tap to logits of any shape.
        loss: Config of a GAN loss in MODELS, e.g. ``dict(type='GANLoss', gan_type='vanilla')``.
        moves: Which domain the segmentor's loss pushes towards the other one's label: ``'source'``, ``'target'`` or
            ``'both'``.
        resize_to: ``'image'`` resizes the taps (bilinear, align_corners) to the segmentor's input before the
            discriminator, a pair (height, width) to that many pixels; None leaves them. ``dict(source=...,
            target=...)`` gives each domain its own.
        activation: Applied after resizing: ``'softmax'``, or ``'entropy'`` for the self-information map of the softmax
            (ADVENT). AdaptSegNet's discriminator reads the softmax of resized logits: ``source='source:logits',
            target='target:logits', resize_to='image', activation='softmax'``. See :class:`TapReader`.
        loss_weight: Factor of the segmentor's loss (lambda_adv).
        discriminator_weight: Factor of the discriminator's own loss. The default 0.5 averages the two domains, as the
            released code of SRDA-Net and AdaptSegNet does; SRDA-Net's equation 10 is their sum, 1.0.
        gradient_penalty: Weight of the gradient penalty on interpolates (WGAN-GP); only where both taps have the
            same shape.
        reversal_strength: Factor of the reversed gradient in phase ``reversal``.
    """

    phases = ('segmentor', 'discriminator', 'reversal')
    # The two sides by their names in the log, label 0 first.
    sides = ('source', 'target')
    # Whether :meth:`weight` also applies to the discriminator's loss.
    weighs_discriminator = False

    def __init__(
        self,
        source: str,
        target: str,
        discriminator: dict,
        loss: dict,
        moves: str = 'target',
        resize_to: str | Sequence[int] | Mapping | None = None,
        activation: str | None = None,
        loss_weight: float = 1.0,
        discriminator_weight: float = 0.5,
        gradient_penalty: float = 0.0,
        reversal_strength: float = 1.0,
    ) -> None:
        super().__init__()
        if moves not in (*self.sides, 'both'):
            raise UserError(f'moves={moves!r} is not known; give one of {[*self.sides, "both"]}.')
        self.addresses = dict(zip(self.sides, (source, target), strict=True))
        sizes = resize_to if isinstance(resize_to, Mapping) else dict.fromkeys(self.sides, resize_to)
        if set(sizes) != set(self.sides):
            raise UserError(f'resize_to={dict(sizes)} must be one size, or one for each of {list(self.sides)}.')
        self.readers = {side: TapReader(self.addresses[side], sizes[side], activation) for side in self.sides}
        self.moved = self.sides if moves == 'both' else (moves,)
        self.loss_weight = loss_weight
        self.discriminator_weight = discriminator_weight
        self.gradient_penalty = gradient_penalty
        self.reversal_strength = reversal_strength
        self.discriminator = MODELS.build(discriminator)
        self.gan_loss = MODELS.build(loss)

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, tuple[str, ...]]:
        """The discriminator's input has the channels of the taps, unless a subclass transforms them."""
        if cls.read is not AdversarialAlignment.read:
            return {}
        taps = (cfg.get(name, default_of(cls, name)) for name in ('source', 'target'))
        return {'discriminator.in_channels': tuple(tap for tap in taps if isinstance(tap, str))}

    def reads(self, phase: str) -> set[str]:
        sides = self.moved if phase == 'segmentor' else self.sides
        return set().union(*(self.readers[side].reads() for side in sides))

    def read(self, side: str, context) -> Tensor:
        """What the discriminator sees of one of :attr:`sides`; a subclass may transform the tap here."""
        return self.readers[side](context)

    def weight(self, side: str, context) -> Tensor | None:
        """Weights of the segmentor's loss, (N, 1, h, w), resized to the discriminator's logits. Default: none.

        If they carry a graph, only the segmentor's loss backpropagates through it.
        """
        return None

    def judge(self, tap: Tensor, weight: Tensor | None) -> Tensor:
        """Logits of a tap whose loss ``weight`` will scale; a subclass may resample them to its grid."""
        return self.discriminator(tap)

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        return getattr(self, f'_{phase}')(context)

    def _valid(self, side: str, context, logits: Tensor) -> Tensor | None:
        """Where a logit's patch holds data at its centre; a discriminator of whole images counts all of them."""
        on_map = logits.ndim == 4 and logits.shape[-2:] != (1, 1)
        return validity_of(context, self.addresses[side], logits) if on_map else None

    def _segmentor(self, context) -> dict[str, Tensor]:
        losses = []
        for side in self.moved:
            weight = self.weight(side, context)
            logits = self.judge(self.read(side, context), weight)
            weight = _times(_fit(weight, logits), self._valid(side, context, logits))
            other_is_one = side == self.sides[0]
            losses.append(self.gan_loss(logits, other_is_one, is_disc=False, weight=weight))
        return {'loss_adversarial': sum(losses) * self.loss_weight}

    def _discriminator(self, context) -> dict[str, Tensor]:
        taps = {side: self.read(side, context).detach() for side in self.sides}
        losses = self._discriminate(taps, context)
        if self.gradient_penalty:
            losses['loss_gradient_penalty'] = self.gradient_penalty * self._penalty(taps)
        return losses

    def _reversal(self, context) -> dict[str, Tensor]:
        return self._discriminate(
            {side: ReverseGradient.apply(self.read(side, context), self.reversal_strength) for side in self.sides},
            context,
        )

    def _discriminate(self, taps: dict[str, Tensor], context) -> dict[str, Tensor]:
        weights = dict.fromkeys(self.sides)
        if self.weighs_discriminator:
            found = {side: self.weight(side, context) for side in self.sides}
            # The discriminator's loss must not train the segmentor through the weights, whatever graph they carry.
            weights = {side: None if weight is None else weight.detach() for side, weight in found.items()}
        logits = {side: self.judge(taps[side], weights[side]) for side in self.sides}
        losses = [
            self.gan_loss(
                logits[side],
                bool(label),
                is_disc=True,
                weight=_times(_fit(weights[side], logits[side]), self._valid(side, context, logits[side])),
            )
            for label, side in enumerate(self.sides)
        ]
        middle = self.gan_loss.decision_threshold
        zero, one = self.sides
        return {
            'loss_discriminator': sum(losses[1:], losses[0]) * self.discriminator_weight,
            # Near 1 on both sides the discriminator has won; near 0.5 it cannot tell the sides apart.
            f'acc_{zero}': (logits[zero].detach() <= middle).float().mean(),
            f'acc_{one}': (logits[one].detach() > middle).float().mean(),
        }

    def _penalty(self, taps: dict[str, Tensor]) -> Tensor:
        """Mean of (norm of the gradient at a random interpolate - 1)^2 (Gulrajani et al., 2017)."""
        zero, one = taps.values()
        if zero.shape != one.shape:
            raise UserError(
                f'The gradient penalty needs taps of one shape, got {tuple(zero.shape)} and {tuple(one.shape)} at '
                f'{list(self.addresses.values())}; set gradient_penalty=0 or make the crops equal.'
            )
        share = torch.rand(len(zero), 1, 1, 1, dtype=zero.dtype, device=zero.device)
        middle = (share * zero + (1 - share) * one).requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(middle).sum(), middle, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
