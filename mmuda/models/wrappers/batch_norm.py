"""Which domain the running statistics of batch norm follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.utils.errors import UserError

SHARED = 'shared'


class RunningStatistics:
    """Selects the training forwards that update batch norm's running statistics, which prediction uses.

    During training each stream is always forwarded separately and normalised by its own batch; affine parameters are
    shared. The choice affects prediction only:

    - ``'shared'``: all forwards update the statistics: a mixture of the domains, as in most released code;
    - ``'source'``: only those of the source, as without adaptation;
    - ``'target'``: only those of the target, so that the target is normalised by its own statistics in training and in
      prediction. AdaBN (``tools/adapt.py``) then changes little, since it estimates the same statistics
      afterwards.

    Args:
        follow: ``'shared'``, or the name or names of streams and views.

    Raises:
        UserError: If no name is given.
    """

    def __init__(self, follow: str | Sequence[str] = SHARED) -> None:
        self.names = (follow,) if isinstance(follow, str) else tuple(follow)
        if not self.names or not all(self.names):
            raise UserError(f"batch_norm={follow!r}: give 'shared', or names of streams such as 'target'.")

    @property
    def shared(self) -> bool:
        """Whether every forward updates them."""
        return self.names == (SHARED,)

    def check(self, network: nn.Module, read: Iterable[str], stage: str) -> None:
        """Refuse a stage in which the statistics would never be updated.

        Args:
            network: The segmentor.
            read: Streams and views whose forward some active term reads.
            stage: Name of the stage.

        Raises:
            UserError: If none of the names is among them, or the network recomputes forwards in the backward pass.
        """
        if self.shared:
            return
        recomputed = [name for name, module in network.named_modules() if getattr(module, 'with_cp', False)]
        if recomputed:
            raise UserError(
                f'batch_norm={list(self.names)} cannot go with with_cp=True ({recomputed[0]}): recomputing would '
                "update the running statistics with every stream. Set with_cp=False, or batch_norm='shared'."
            )
        if set(self.names) & set(read):
            return
        if any(isinstance(module, _BatchNorm) for module in network.modules()):
            raise UserError(
                f"Stage '{stage}': batch_norm={list(self.names)}, but no active term forwards these (forwarded: "
                f'{sorted(read)}), so the running statistics would never be updated. Add a term '
                f"dict(type='ForwardTerm', tap='{self.names[0]}:logits'), or choose batch_norm='shared'."
            )

    @contextmanager
    def of(self, network: nn.Module, view: str) -> Iterator[None]:
        """While ``view`` is forwarded through the network."""
        if self.shared or view in self.names:
            yield
            return
        with kept_statistics(network):
            yield


def tracking_layers(network: nn.Module) -> list[_BatchNorm]:
    """The batch norms of a network that have running statistics."""
    return [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


@contextmanager
def kept_statistics(network: nn.Module) -> Iterator[None]:
    """While training forwards of the network leave its running statistics alone."""
    layers = [layer for layer in tracking_layers(network) if layer.training]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
