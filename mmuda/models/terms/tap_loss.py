"""A loss between two taps, or on one."""

from __future__ import annotations

from torch import Tensor

from mmuda.registry import MODELS, TERMS
from mmuda.structures import split_tap

from .base import Term


@TERMS.register_module()
class TapLoss(Term):
    """Applies a registered loss to a tap and, where given, a reference tap.

    SRDA-Net's identity losses (equations 3 and 4), its fixed-point loss (5) and its total variation are this term
    with different taps and losses.

    Args:
        tap: Address of the tap that is trained, ``'view:tap'``.
        loss: Config of a loss in MODELS, called as ``loss(tap)`` or ``loss(tap, reference)``.
        reference: Address of the reference tap; None for a loss on one tap.
        detach_reference: Cut the reference from the graph, so that only ``tap`` is trained.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        tap: str,
        loss: dict,
        reference: str | None = None,
        detach_reference: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        for address in filter(None, (tap, reference)):
            split_tap(address)
        self.tap = tap
        self.reference = reference
        self.detach_reference = detach_reference
        self.loss_weight = loss_weight
        self.loss = MODELS.build(loss)

    def reads(self, phase: str) -> set[str]:
        return {address for address in (self.tap, self.reference) if address}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        taps = [context.tap(self.tap)]
        if self.reference is not None:
            reference = context.tap(self.reference)
            taps.append(reference.detach() if self.detach_reference else reference)
        return {'loss': self.loss(*taps) * self.loss_weight}
