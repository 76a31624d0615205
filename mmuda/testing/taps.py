"""A context of given tensors, to call a term without a segmentor."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.logging import MessageHub
from torch import Tensor


class Taps:
    """Stands in for a :class:`ForwardContext`, e.g. ``term.losses('segmentor', Taps({'target:prob': prob}))``.

    Args:
        taps: Tensors by address.
    """

    def __init__(self, taps: Mapping[str, Tensor]) -> None:
        self.taps = taps

    @property
    def iteration(self) -> int:
        """The iteration of the run."""
        return MessageHub.get_current_instance().get_info('iter', 0)

    def tap(self, address: str) -> Tensor:
        """The tensor of an address."""
        return self.taps[address]

    def size(self, view: str) -> tuple[int, int]:
        """Height and width of the image of a view, which ``'view:image'`` gives."""
        return tuple(self.taps[f'{view}:image'].shape[-2:])
