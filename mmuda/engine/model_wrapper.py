"""Distributed wrapper for models with several networks."""

from __future__ import annotations

import torch
from mmengine import dist
from mmengine.model import is_model_wrapper, revert_sync_batchnorm
from torch import nn

from mmuda.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class GradSyncWrapper(nn.Module):
    """Starts all ranks from rank 0's weights; gradients are averaged by the optimiser wrappers (:class:`GradSync`).

    Not a DistributedDataParallel: any number of forwards may precede a backward, networks may be frozen or unused in a
    stage, and checkpoints keep clean names.

    Args:
        module: The model.
    """

    def __init__(self, module: nn.Module, **_ignored) -> None:
        super().__init__()
        if not torch.cuda.is_available():
            module = revert_sync_batchnorm(module)
        self.module = module
        if dist.is_distributed():
            for tensor in module.state_dict().values():
                torch.distributed.broadcast(tensor.data, 0)

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    def train_step(self, data, optim_wrapper):
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data):
        return self.module.val_step(data)

    def test_step(self, data):
        return self.module.test_step(data)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, without the wrapper of a distributed run."""
    return model.module if is_model_wrapper(model) else model
