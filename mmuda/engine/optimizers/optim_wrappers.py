"""Optimiser wrappers that average gradients over ranks before they step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine import dist
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import autocast
from torch import nn

from mmuda.registry import OPTIM_WRAPPERS


class GradSync:
    """Averages gradients over ranks once per update, before clipping and stepping.

    Any number of forwards and backwards may precede it, parameters unused on every rank stay untouched, those unused
    on some ranks count as zero there. mmengine's DDP assumes one forward and one backward and drifts otherwise.
    """

    def step(self, **kwargs) -> None:
        if dist.is_distributed():
            self._average_gradients()
        super().step(**kwargs)

    def _average_gradients(self) -> None:
        parameters = [p for group in self.optimizer.param_groups for p in group['params']]
        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32, device=parameters[0].device)
        torch.distributed.all_reduce(used, torch.distributed.ReduceOp.MAX)
        gradients = []
        for parameter, is_used in zip(parameters, used.tolist(), strict=True):
            if is_used:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        dist.all_reduce_params(gradients, coalesce=True, op='mean')


@OPTIM_WRAPPERS.register_module()
class SyncOptimWrapper(GradSync, OptimWrapper):
    """mmengine's OptimWrapper with averaged gradients and, where asked, autocast without a scaler.

    Args:
        dtype: ``'bfloat16'`` runs forwards under autocast (CPU and GPU); None runs them in the model's own precision.
        **kwargs: As mmengine's ``OptimWrapper``.
    """

    def __init__(self, *args, dtype: str | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if dtype not in (None, 'bfloat16'):
            raise ValueError(
                f"SyncOptimWrapper: dtype={dtype!r} is not known; give 'bfloat16' or None, or SyncAmpOptimWrapper "
                'for float16, which needs a loss scaler and a GPU.'
            )
        self.cast_dtype = None if dtype is None else getattr(torch, dtype)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model):
            if self.cast_dtype is None:
                yield
            else:
                with autocast(dtype=self.cast_dtype):
                    yield


@OPTIM_WRAPPERS.register_module()
class SyncAmpOptimWrapper(GradSync, AmpOptimWrapper):
    """mmengine's AmpOptimWrapper (float16 with a loss scaler, on a GPU) with averaged gradients."""


class NamedOptimWrapperDict(OptimWrapperDict):
    """OptimWrapperDict whose members count their iterations, so that accumulation resumes where it was."""

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)
