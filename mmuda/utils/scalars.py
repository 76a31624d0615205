"""Scalars of a device, read in one go."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

K = TypeVar('K', bound=Hashable)


@torch.no_grad()
def read_scalars(scalars: Mapping[K, Tensor]) -> dict[K, Tensor]:
    """Copy scalars to main memory at once: a device has to be waited for once, however many there are.

    Args:
        scalars: Tensors of one element, on any devices.

    Returns:
        Tensors without dimensions on the CPU, in float64 if any of the scalars is, else in float32.
    """
    if not scalars:
        return {}
    tensors = [scalar.detach().reshape(()) for scalar in scalars.values()]
    dtype = torch.float64 if any(tensor.dtype == torch.float64 for tensor in tensors) else torch.float32
    device = next((tensor.device for tensor in tensors if tensor.device.type != 'cpu'), tensors[0].device)
    read = torch.stack([tensor.to(device, dtype, non_blocking=True) for tensor in tensors]).cpu()
    return dict(zip(scalars, read.unbind(), strict=True))
