"""Batch-norm statistics over the pixels that hold data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def only_valid(layers: Iterable[_BatchNorm], weights: Tensor | None) -> Iterator[None]:
    """Within one forward, the layers to re-estimate see only the pixels that hold data.

    A layer's grid is the image's or a coarser one; a position counts if the pixel at its centre holds data. The layer
    normalises by the batch's statistics, as in training, and adds them to the running ones with the weight of one batch
    (``momentum=None``: the cumulative average).

    Args:
        layers: Layers in training mode with running statistics.
        weights: 1 where a pixel holds data and 0 elsewhere, (N, 1, H, W); None leaves the layers unchanged.
    """
    handles = [] if weights is None else [layer.register_forward_pre_hook(_Masked(weights)) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for layer in layers if handles else ():
            layer.train()


class _Masked:
    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def __call__(self, layer: _BatchNorm, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (values,) = inputs
        weights = self._on(values)
        count = weights.sum()
        if count < 2:  # nothing to estimate from
            layer.eval()
            return inputs
        axes = [0, *range(2, values.ndim)]
        mean = (values * weights).sum(axes) / count
        centred = values - _column(mean, values)
        variance = (centred.square() * weights).sum(axes) / count
        layer.num_batches_tracked.add_(1)
        share = 1 / int(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
        layer.running_mean += share * (mean - layer.running_mean)
        layer.running_var += share * (variance * count / (count - 1) - layer.running_var)
        layer.eval()
        # Evaluation now gives what training would have given for the batch.
        scale = (layer.running_var + layer.eps).sqrt() / (variance + layer.eps).sqrt()
        return (centred * _column(scale, values) + _column(layer.running_mean, values),)

    def _on(self, values: Tensor) -> Tensor:
        if values.ndim == 4 and values.shape[-2:] != (1, 1):
            return F.interpolate(self.weights, size=values.shape[-2:], mode='nearest').to(values)
        # A whole image counts if any of its pixels does.
        return self.weights.amax(dim=(1, 2, 3)).view(-1, *[1] * (values.ndim - 1)).to(values)


def _column(vector: Tensor, values: Tensor) -> Tensor:
    return vector.view(1, -1, *[1] * (values.ndim - 2))
