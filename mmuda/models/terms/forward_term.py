"""A forward without a loss."""

from __future__ import annotations

from torch import Tensor

from mmuda.registry import TERMS

from .base import Term


@TERMS.register_module()
class ForwardTerm(Term):
    """Forwards a stream or view whose taps no other term reads, so that batch norm sees it.

    With ``batch_norm='target'`` of the model and the supervised term alone this is AdaBN along training: the target
    moves the statistics and nothing else.

    Args:
        view: The stream or view.
        tap: As far as it is forwarded.
    """

    def __init__(self, view: str = 'target', tap: str = 'logits') -> None:
        super().__init__()
        self.address = f'{view}:{tap}'

    def reads(self, phase: str) -> set[str]:
        return {self.address}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        context.tap(self.address)
        return {}
