"""The segmentor's own loss on labels."""

from __future__ import annotations

from torch import Tensor

from mmuda.registry import TERMS

from .base import Term


@TERMS.register_module()
class SupervisedTerm(Term):
    """mmseg's head losses (decode and auxiliary heads) on a labelled stream or view.

    Every :class:`DomainAdaptation` has one on ``source`` under the name ``supervised`` unless its config replaces it.

    Args:
        view: The labelled stream or view.
        loss_weight: Factor of all losses (alpha in SRDA-Net, equation 1).
    """

    honours_weights = True

    def __init__(self, view: str = 'source', loss_weight: float = 1.0) -> None:
        super().__init__()
        self.view = view
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return {f'{self.view}:supervised', f'{self.view}:label'}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        losses = context.supervised_losses(self.view)
        return {name: value * self.loss_weight if 'loss' in name else value for name, value in losses.items()}
