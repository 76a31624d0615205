"""Optimiser wrappers for several ranks, several networks and gradients that wait for their update."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from mmengine import dist
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import autocast
from torch import Tensor, nn

from mmuda.registry import OPTIM_WRAPPERS
from mmuda.utils.errors import NonFiniteError, UserError

# A float16 run whose gradients overflow even at this loss scale will not recover.
SMALLEST_LOSS_SCALE = 1e-4
MOST_SKIPPED = 100


class GradSync:
    """Adds to mmengine's wrappers: ranks, networks, and accumulation that survives a resume.

    - Gradients are averaged over ranks once per update. Any number of forwards and backwards may precede it; parameters
      unused on every rank stay untouched, those unused on some count as zero there. mmengine's DDP assumes one forward
      and one backward and drifts otherwise.
    - Each network's gradient norm is logged as ``<optimiser>.<network>.grad_norm``, checked to be finite before any
      update, and clipped separately.
    - Gradients that wait for their update (``accumulative_counts``) are part of the checkpoint.
    """

    name = ''
    _networks: Mapping[str, Sequence[nn.Parameter]] | None = None
    _gathered: list[list[Tensor | None]] | None = None
    _resumed: list[Tensor | None] | None = None
    _lost = 0
    _prepared = False

    def set_networks(self, name: str, networks: Mapping[str, Sequence[nn.Parameter]]) -> None:
        """Set the networks that the parameters belong to; called by the constructor.

        Args:
            name: Name of the optimiser.
            networks: Parameters by name of network.
        """
        self.name, self._networks = name, networks

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters, in the optimiser's order: the same on every rank."""
        return [p for group in self.optimizer.param_groups for p in group['params']]

    def step(self, **kwargs) -> None:
        """Call :meth:`prepare`, unless already done, and step."""
        if not self._prepared:
            self.prepare()
        self._prepared = False
        self.optimizer.step(**kwargs)

    def prepare(self) -> None:
        """Average gradients over ranks, check and clip them. All optimisers of a step prepare before any of them steps.

        Raises:
            NonFiniteError: If a network's gradient is not finite; on every rank, with the rank it comes from.
        """
        rank = self._average_gradients()
        bad = self._clip_networks()
        if bad:
            raise NonFiniteError(f'the gradient of {" and of ".join(bad)} is not finite', rank)
        self._prepared = True

    def _average_gradients(self) -> int | None:
        """Average over ranks; returns the first rank whose own gradient is not finite, or None."""
        self._resumed = None
        if self._lost:
            print_log(
                f'Optimiser {self.name}: the checkpoint lies between two updates and holds no gradients; those of '
                f'{self._lost} backward passes are lost.',
                logger='current',
                level=logging.WARNING,
            )
            self._lost = 0
        if not dist.is_distributed():
            return None
        parameters, size = self.parameters, dist.get_world_size()
        own = [p.grad for p in parameters if p.grad is not None]
        is_bad = bool(own) and not nn.utils.get_total_norm(own).isfinite().item()
        told = [p.grad is not None for p in parameters] + [(size - dist.get_rank()) * is_bad]
        told = torch.tensor(told, dtype=torch.int32, device=parameters[0].device)
        torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
        *used, bad = told.tolist()
        gradients = []
        for parameter, is_used in zip(parameters, used, strict=True):
            if is_used:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        dist.all_reduce_params(gradients, coalesce=True, op='mean')
        return size - bad if bad else None

    def _clip_networks(self) -> list[str]:
        """Clip each network's gradient by itself, log its norm, and return the names of those that are not finite."""
        options = self.clip_grad_kwargs or {}
        by_norm = 'max_norm' in options
        bad = []
        for network, parameters in (self._networks or {'parameters': self.parameters}).items():
            used = [p for p in parameters if p.grad is not None]
            if not used:
                continue
            norm = nn.utils.get_total_norm([p.grad for p in used], options.get('norm_type', 2.0) if by_norm else 2.0)
            value = norm.item()
            self.message_hub.update_scalar('.'.join(filter(None, (f'train/{self.name}', network, 'grad_norm'))), value)
            if not math.isfinite(value):
                bad.append(network)
            elif by_norm:
                nn.utils.clip_grads_with_norm_(used, options['max_norm'], norm)
            elif options:
                self.clip_func(used, **options)
        return bad

    # Accumulation.

    @property
    def is_waiting(self) -> bool:
        """Whether accumulated gradients wait for an update."""
        return not self.should_update()

    def gather_gradients(self) -> None:
        """Collect the pending gradients of all ranks for the next :meth:`state_dict`; every rank must call it."""
        self._gathered = None
        if self.is_waiting:
            own = [None if p.grad is None else p.grad.detach().cpu() for p in self.parameters]
            self._gathered = dist.gather_object(own, group=_cpu_group()) if dist.is_distributed() else [own]

    def forget_gathered(self) -> None:
        """Free what :meth:`gather_gradients` collected."""
        self._gathered = None

    def state_dict(self) -> dict:
        """State of the optimiser (and loss scaler), with the ranks' ``gradients`` if any wait for an update."""
        state = super().state_dict()
        return state if self._gathered is None else {**state, 'gradients': self._gathered}

    def load_state_dict(self, state_dict: dict) -> None:
        """Load what :meth:`state_dict` gave; gradients take effect with :meth:`initialize_count_status`.

        If the number of ranks has changed, each rank takes the mean of all, so that the mean over ranks stays the same.
        """
        state_dict = dict(state_dict)
        ranks = state_dict.pop('gradients', None)
        super().load_state_dict(state_dict)
        self._resumed = None
        if ranks is not None:
            mine = [ranks[dist.get_rank()]] if len(ranks) == dist.get_world_size() else ranks
            self._resumed = [_mean(gradients) for gradients in zip(*mine, strict=True)]

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Begin counting backward passes at ``init_counts`` of ``max_counts``; an unfinished group continues.

        mmengine's Runner calls it with iterations of the run, then :class:`StagedTrainLoop` with those of the stage:
        resumed gradients are kept until the first step.
        """
        super().initialize_count_status(model, 0, max_counts)
        self._inner_count = init_counts
        # Reported only at the first step, when the last call has been made.
        self._lost = init_counts % self._accumulative_counts if self.is_waiting and self._resumed is None else 0
        if self.is_waiting and self._resumed is not None:
            for parameter, gradient in zip(self.parameters, self._resumed, strict=True):
                if gradient is not None:
                    parameter.grad = gradient.to(parameter, copy=True)


def _mean(gradients: Sequence[Tensor | None]) -> Tensor | None:
    """Mean over ranks; a rank without a gradient counts as zero."""
    used = [gradient for gradient in gradients if gradient is not None]
    return sum(used) / len(gradients) if used else None


@functools.cache
def _cpu_group():
    """A process group that exchanges objects in main memory; NCCL would pass them through rank 0's GPU."""
    return None if torch.distributed.get_backend() == 'gloo' else torch.distributed.new_group(backend='gloo')


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

    def prepare(self) -> None:
        """Average gradients over ranks, unscale and clip them.

        Raises:
            NonFiniteError: If they have not been finite for a long time, however small the scale.
        """
        rank = self._average_gradients()
        bad = []
        if any(p.grad is not None for p in self.parameters):
            self.loss_scaler.unscale_(self.optimizer)
            bad = self._clip_networks()
        self._skipped = self._skipped + 1 if bad else 0
        if bad and (self.loss_scaler.get_scale() < SMALLEST_LOSS_SCALE or self._skipped > MOST_SKIPPED):
            raise NonFiniteError(f'the gradient of {" and of ".join(bad)} is not finite at any loss scale', rank)
        self._prepared = True


class NamedOptimWrapperDict(OptimWrapperDict):
    """OptimWrapperDict whose members count their iterations, so that accumulation resumes where it was."""

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)
