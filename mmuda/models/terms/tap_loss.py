"""A loss between two taps, or on one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmuda.registry import MODELS, TERMS

from .base import Term, validity_of
from .tap_reader import TapReader


@TERMS.register_module()
class TapLoss(Term):
    """Applies a registered loss to a tap and, where given, a reference tap.

    SRDA-Net's identity losses (equations 3 and 4), its fixed-point loss (5) and its total variation are this term
    with different taps and losses. MinEnt and MaxSquare act on the softmax of logits resized to the image:
    ``tap='target:logits', resize_to='image', activation='softmax'`` (on the segmentor's own grid the loss differs by
    some 10 %).

    A loss that is a mean over pixels (``pixelwise`` of its class: entropy, maximum squares) leaves out those without
    data. Other losses act on neighbourhoods and see such pixels as 0 of the normalised image.

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
        valid = self._valid(context, taps[0]) if getattr(self.loss, 'pixelwise', False) else None
        if valid is not None:
            if not valid.any():
                return {'loss': taps[0].sum() * 0}
            taps = [_chosen(tap, valid) for tap in taps]
        return {'loss': self.loss(*taps) * self.loss_weight}

    def _valid(self, context, tap: Tensor) -> Tensor | None:
        """Where both taps hold data, on the grid of the first."""
        readers = [self.tap] if self.reference is None else [self.tap, self.reference]
        masks = [validity_of(context, reader.address, tap) for reader in readers]
        masks = [mask for mask in masks if mask is not None]
        return None if not masks else masks[0] if len(masks) == 1 else masks[0] * masks[1]


def _chosen(tap: Tensor, valid: Tensor) -> Tensor:
    """The pixels (1, C, P, 1) of a tap (N, C, h, w) whose weight (N, 1, h, w) is not 0."""
    return tap.movedim(1, -1)[valid[:, 0] > 0].T[None, :, :, None]
