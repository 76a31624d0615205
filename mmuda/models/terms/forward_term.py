"""A forward without a loss."""

from __future__ import annotations

from torch import Tensor

from mmuda.registry import TERMS

from .base import Term


@TERMS.register_module()
class ForwardTerm(Term):
    """Forwards a stream or view whose taps no other term reads, so that batch norm sees it.

    With ``batch_norm='target'`` on the model and only the supervised term besides, this is AdaBN during training: the
    target updates the statistics and nothing else.

    Args:
        tap: Address of the tap up to which a stream or view is forwarded.
    """

    def __init__(self, tap: str = 'target:logits') -> None:
        super().__init__()
        self.tap = tap

    def reads(self, phase: str) -> set[str]:
        return {self.tap}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        context.tap(self.tap)
        return {}
