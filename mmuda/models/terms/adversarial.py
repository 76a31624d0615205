"""Adversarial alignment of a tap with a discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.registry import MODELS, TERMS

from .base import Term, validity_of
from .tap_reader import TapReader

DOMAINS = ('source', 'target')


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
    """A discriminator tells source (label 0) from target (label 1); the segmentor makes one look like the other.

    Phases: ``generator`` trains the segmentor against the fixed discriminator, ``discriminator`` trains the
    discriminator, and ``reversal`` does both in one backward pass through a gradient reversal (it replaces the other
    two in a plan).

    SRDA-Net's pixel-level classifier (equations 9, 10) reads ``tap='sr_image'`` against ``real='fine_image'``: real
    target images are 1, super-resolved source images 0, and the generator drives the latter to 1. Its output-space
    classifier (15 to 20) reads ``tap='prob'``: the generator drives target predictions to 0, the source's label.

    Logits of patches whose centre holds no data have the weight 0, in every phase.

    Args:
        tap: Tap read on both domains, (N, C, h, w).
        discriminator: Config of the discriminator in MODELS; maps the tap to logits of any shape.
        loss: Config of a GAN loss in MODELS, e.g. ``dict(type='GANLoss', gan_type='vanilla')``.
        real: Tap read on the target instead of ``tap``; the source is then the domain that moves.
        moves: Which domain the generator loss changes: ``'target'`` (default, or ``'source'`` where ``real`` is
            given) towards the other one's label.
        align_both: Push both domains towards the other's label.
        source: Name of the source stream or view.
        target: Name of the target stream or view.
        resize_to: ``'image'`` resizes the taps (bilinear, align_corners) to the segmentor's input before the
            discriminator, a pair (height, width) to that many pixels; None leaves them. ``dict(source=...,
            target=...)`` gives each domain its own.
        activation: Applied after resizing: ``'softmax'``, or ``'entropy'`` for the self-information map of the softmax
            (ADVENT). AdaptSegNet's discriminator reads the softmax of resized logits: ``tap='logits',
            resize_to='image', activation='softmax'``. See :class:`TapReader`.
        loss_weight: Factor of the generator loss (lambda_adv).
        discriminator_weight: Factor of the discriminator loss. The default 0.5 is the mean over the two domains, as
            the released code of SRDA-Net and AdaptSegNet has it; SRDA-Net's equation 10 is the sum, 1.0.
        gradient_penalty: Weight of the gradient penalty on interpolates (WGAN-GP); only where both taps have the
            same shape.
        reversal_strength: Factor of the reversed gradient in phase ``reversal``.
    """

    phases = ('generator', 'discriminator', 'reversal')
    # Whether :meth:`weight` acts on the discriminator's loss too.
    weighs_discriminator = False

    def __init__(
        self,
        tap: str,
        discriminator: dict,
        loss: dict,
        real: str | None = None,
        moves: str | None = None,
        align_both: bool = False,
        source: str = 'source',
        target: str = 'target',
        resize_to: str | Sequence[int] | Mapping | None = None,
        activation: str | None = None,
        loss_weight: float = 1.0,
        discriminator_weight: float = 0.5,
        gradient_penalty: float = 0.0,
        reversal_strength: float = 1.0,
    ) -> None:
        super().__init__()
        moves = moves or ('target' if real is None else 'source')
        if moves not in DOMAINS:
            raise ValueError(f"moves={moves!r} is not known; give 'source' or 'target'.")
        self.addresses = {'source': f'{source}:{tap}', 'target': f'{target}:{real or tap}'}
        sizes = resize_to if isinstance(resize_to, Mapping) else dict.fromkeys(DOMAINS, resize_to)
        if set(sizes) != set(DOMAINS):
            raise ValueError(f'resize_to={dict(sizes)} must give one size for source and one for target, or be one.')
        self.readers = {d: TapReader(address, sizes[d], activation) for d, address in self.addresses.items()}
        self.moved = DOMAINS if align_both else (moves,)
        self.loss_weight = loss_weight
        self.discriminator_weight = discriminator_weight
        self.gradient_penalty = gradient_penalty
        self.reversal_strength = reversal_strength
        self.discriminator = MODELS.build(discriminator)
        self.gan_loss = MODELS.build(loss)

    def reads(self, phase: str) -> set[str]:
        domains = self.moved if phase == 'generator' else DOMAINS
        return set().union(*(self.readers[domain].reads() for domain in domains))

    def read(self, domain: str, context) -> Tensor:
        """What the discriminator sees of a domain; a subclass may transform the tap here."""
        return self.readers[domain](context)

    def weight(self, domain: str, context) -> Tensor | None:
        """Weights of the generator loss, (N, 1, h, w), resized to the discriminator's logits; default none.

        A graph that they carry is followed in the generator's loss alone.
        """
        return None

    def judge(self, tap: Tensor, weight: Tensor | None) -> Tensor:
        """Logits of a tap that will be weighted so; a subclass may bring them to the grid of the weights."""
        return self.discriminator(tap)

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        return getattr(self, f'_{phase}')(context)

    def _valid(self, domain: str, context, logits: Tensor) -> Tensor | None:
        """Where the patch that a logit judges holds data at its centre; a judge of whole images counts all of them."""
        on_map = logits.ndim == 4 and logits.shape[-2:] != (1, 1)
        return validity_of(context, self.addresses[domain], logits) if on_map else None

    def _generator(self, context) -> dict[str, Tensor]:
        losses = []
        for domain in self.moved:
            weight = self.weight(domain, context)
            logits = self.judge(self.read(domain, context), weight)
            weight = _times(_fit(weight, logits), self._valid(domain, context, logits))
            opposite_is_target = domain == 'source'
            losses.append(self.gan_loss(logits, opposite_is_target, is_disc=False, weight=weight))
        return {'loss_adversarial': sum(losses) * self.loss_weight}

    def _discriminator(self, context) -> dict[str, Tensor]:
        taps = {domain: self.read(domain, context).detach() for domain in DOMAINS}
        losses = self._discriminate(taps, context)
        if self.gradient_penalty:
            losses['loss_gradient_penalty'] = self.gradient_penalty * self._penalty(taps)
        return losses

    def _reversal(self, context) -> dict[str, Tensor]:
        return self._discriminate(
            {domain: ReverseGradient.apply(self.read(domain, context), self.reversal_strength) for domain in DOMAINS},
            context,
        )

    def _discriminate(self, taps: dict[str, Tensor], context) -> dict[str, Tensor]:
        weights = dict.fromkeys(DOMAINS)
        if self.weighs_discriminator:
            found = {domain: self.weight(domain, context) for domain in DOMAINS}
            # The discriminator's loss trains no segmentor through its weights, whatever graph they carry.
            weights = {domain: None if weight is None else weight.detach() for domain, weight in found.items()}
        source, target = (self.judge(taps[domain], weights[domain]) for domain in DOMAINS)
        weights = {
            domain: _times(_fit(weights[domain], logits), self._valid(domain, context, logits))
            for domain, logits in (('source', source), ('target', target))
        }
        loss = self.gan_loss(source, False, is_disc=True, weight=weights['source'])
        loss = loss + self.gan_loss(target, True, is_disc=True, weight=weights['target'])
        middle = self.gan_loss.decision_threshold
        return {
            'loss_discriminator': loss * self.discriminator_weight,
            # A discriminator near 1 on both domains has won, near 0.5 it cannot tell them apart.
            'acc_source': (source.detach() <= middle).float().mean(),
            'acc_target': (target.detach() > middle).float().mean(),
        }

    def _penalty(self, taps: dict[str, Tensor]) -> Tensor:
        """Mean of (norm of the gradient at a random interpolate - 1)^2 (Gulrajani et al., 2017)."""
        source, target = taps['source'], taps['target']
        if source.shape != target.shape:
            raise ValueError(
                f'The gradient penalty needs taps of one shape, got {tuple(source.shape)} on source and '
                f'{tuple(target.shape)} on target; set gradient_penalty=0 or make the crops equal.'
            )
        share = torch.rand(len(source), 1, 1, 1, dtype=source.dtype, device=source.device)
        middle = (share * source + (1 - share) * target).requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(middle).sum(), middle, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
