"""AdaBN: target batch norm statistics for a network trained on the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.models.masked_batch_norm import only_valid
from mmuda.models.segmentors import HRDA
from mmuda.utils.errors import UserError


@torch.no_grad()
def re_estimate(network: nn.Module, read: Callable[[], Iterable], config: str) -> dict[str, int]:
    """Give all batch norm layers of a network the statistics of target images.

    Args:
        network: In evaluation mode, to which it returns.
        read: Gives batches: images (N, C, H, W), the pixels that hold data (N, 1, H, W) or None for all, and a third
            value that is not used.
        config: File that the error names.

    Returns:
        Numbers of ``layers`` and ``batches``.

    Raises:
        UserError: If there is no batch norm with running statistics.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    if not layers:
        raise UserError(
            f'{type(network).__name__} of config {config} has no batch norm layer with running statistics: there is '
            'nothing to re-estimate'
        )
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the cumulative average over batches
        layer.train()
    used = 0
    for images, valid, _ in read():
        _forward(network, layers, images, valid)
        used += 1
    network.eval()
    return dict(layers=len(layers), batches=used)


def _forward(network: nn.Module, layers: list, images: Tensor, valid: Tensor | None) -> None:
    if valid is None or not isinstance(network, HRDA):
        with only_valid(layers, valid):
            network(images, mode='tensor')
        return
    # Each scale sees other pixels.
    with only_valid(layers, network.context_image(valid).round()):
        network.context(images)
    with only_valid(layers, network.windows(valid)):
        network.detail(network.windows(images))
