"""The last layer of a segmentor, and the features that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from mmuda.apis.inference import predicting_network


def last_layer(model: nn.Module) -> nn.Module | None:
    """The 1 x 1 convolution that gives the logits of a model; None if there is no such layer."""
    layer = getattr(getattr(predicting_network(model), 'decode_head', None), 'conv_seg', None)
    return layer if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) else None


@contextmanager
def features_of(model: nn.Module) -> Iterator[list[Tensor]]:
    """What the last layer takes, appended at each forward."""
    found: list[Tensor] = []
    layer = last_layer(model)
    handle = layer and layer.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0].detach()))
    yield found
    if handle:
        handle.remove()


def features_at(features: Tensor, rows: Tensor, columns: Tensor, size: Sequence[int]) -> Tensor:
    """Features (1, C, h, w) at pixels of a larger grid: (M, C)."""
    height, width = features.shape[-2:]
    return features[0, :, rows * height // size[0], columns * width // size[1]].T.float().cpu()
