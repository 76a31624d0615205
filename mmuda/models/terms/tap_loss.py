"""A loss between two taps, or on one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmuda.registry import MODELS, TERMS

from .base import Term
from .tap_reader import TapReader


@TERMS.register_module()
class TapLoss(Term):
    """Applies a registered loss to a tap and, where given, a reference tap.

    SRDA-Net's identity losses (equations 3 and 4), its fixed-point loss (5) and its total variation are this term
    with different taps and losses. MinEnt and MaxSquare act on the softmax of logits resized to the image:
    ``tap='target:logits', resize_to='image', activation='softmax'`` (on the segmentor's own grid the loss differs by
    some 10 %).

    Args:
        tap: Address of the tap that is trained, ``'view:tap'``.
        loss: Config of a loss in MODELS, called as ``loss(tap)`` or ``loss(tap, reference)``.
        reference: Address of the reference tap; None for a loss on one tap.
        detach_reference: Cut the reference from the graph, so that only ``tap`` is trained.
        loss_weight: Factor of the loss.
        resize_to: ``'image'``, (height, width) in pixels, or None: how tap and reference are resized, see
            :class:`TapReader`.
        activation: ``'softmax'``, ``'entropy'`` or None: what both become after resizing.
    """

    def __init__(
        self,
        tap: str,
        loss: dict,
        reference: str | None = None,
        detach_reference: bool = False,
        loss_weight: float = 1.0,
        resize_to: str | Sequence[int] | None = None,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        self.tap = TapReader(tap, resize_to, activation)
        self.reference = reference if reference is None else TapReader(reference, resize_to, activation)
        self.detach_reference = detach_reference
        self.loss_weight = loss_weight
        self.loss = MODELS.build(loss)

    def reads(self, phase: str) -> set[str]:
        return self.tap.reads() | (set() if self.reference is None else self.reference.reads())

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        taps = [self.tap(context)]
        if self.reference is not None:
            reference = self.reference(context)
            taps.append(reference.detach() if self.detach_reference else reference)
        return {'loss': self.loss(*taps) * self.loss_weight}
