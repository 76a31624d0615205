"""Optimiser wrappers: float32, bfloat16, float16, and several by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import autocast
from torch import Tensor, nn

from mmuda.registry import OPTIM_WRAPPERS
from mmuda.utils.errors import NonFiniteError, UserError

from .grad_sync import GradSync

# A float16 run whose gradients overflow even at this loss scale will not recover.
SMALLEST_LOSS_SCALE = 1e-4
MOST_SKIPPED = 100


@OPTIM_WRAPPERS.register_module()
class SyncOptimWrapper(GradSync, OptimWrapper):
    """mmengine's OptimWrapper with :class:`GradSync` and, optionally, autocast without a scaler.

    Args:
        dtype: ``'bfloat16'`` runs forwards under autocast (CPU and GPU); None runs them in the model's own precision.
        **kwargs: As mmengine's ``OptimWrapper``; ``clip_grad`` acts on each network separately.
    """

    def __init__(self, *args, dtype: str | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if dtype not in (None, 'bfloat16'):
            raise UserError(
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
    """mmengine's AmpOptimWrapper (float16 with a loss scaler, on a GPU) with :class:`GradSync`.

    A gradient that is not finite skips the step on every rank and lowers the scale, as usual in float16; a scale that
    has fallen below 1e-4, or 100 skipped steps in a row, stop the run. Optimisers that step from one backward pass
    share one scaler.
    """

    _skipped = 0
    _sharing: list[SyncAmpOptimWrapper] | None = None

    def share_loss_scaler(self, other: SyncAmpOptimWrapper) -> None:
        """Use the scaler of another wrapper that steps from the same backward pass; all that share either one do."""
        if self.loss_scaler is other.loss_scaler:
            return
        group = [*(other._sharing or [other]), *(self._sharing or [self])]
        for wrapper in group:
            wrapper.loss_scaler, wrapper._sharing = other.loss_scaler, group

    def step(self, update_scale: bool = True, **kwargs) -> None:
        """Call :meth:`prepare`, unless already done, and step unless a gradient is not finite.

        Args:
            update_scale: Adjust the scale afterwards; only the last of the wrappers that share a scaler does.
            **kwargs: For the optimiser.
        """
        if not self._prepared:
            self.prepare()
        self._prepared = False
        if any(p.grad is not None for p in self.parameters):  # else the scaler complains about a missing check
            self.loss_scaler.step(self.optimizer, **kwargs)
        if update_scale:
            self.loss_scaler.update(self._scale_update_param)

    def measure(self) -> dict[str, Tensor]:
        """As :meth:`GradSync.measure`, without the loss scale."""
        values = self._average_gradients()
        if any(p.grad is not None for p in self.parameters):
            self.loss_scaler.unscale_(self.optimizer)
            values |= self._clip_networks()
        return values

    def judge(self, values: Mapping[str, Tensor]) -> None:
        """Log the norms and count the updates that the scaler will skip.

        Raises:
            NonFiniteError: If they have not been finite for a long time, however small the scale.
        """
        bad, rank = self._log_norms(values)
        self._skipped = self._skipped + 1 if bad else 0
        if bad and (self.loss_scaler.get_scale() < SMALLEST_LOSS_SCALE or self._skipped > MOST_SKIPPED):
            raise NonFiniteError(f'the gradient of {" and of ".join(bad)} is not finite at any loss scale', rank)
        self._prepared = True


class NamedOptimWrapperDict(OptimWrapperDict):
    """OptimWrapperDict whose members count their iterations, so that accumulation resumes where it was."""

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)
