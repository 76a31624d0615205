"""Optimiser wrappers for several ranks, several networks and gradients that wait for their update."""

from __future__ import annotations

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
from mmuda.utils.errors import NonFiniteError

# A float16 run whose gradients overflow even at this loss scale will not recover.
SMALLEST_LOSS_SCALE = 1e-4


class GradSync:
    """What mmengine's wrappers need besides: ranks, networks, and accumulation that survives a resume.

    - Gradients are averaged over ranks once per update. Any number of forwards and backwards may precede it; parameters
      unused on every rank stay untouched, those unused on some count as zero there. mmengine's DDP assumes one forward
      and one backward and drifts otherwise.
    - Each network's gradient norm is logged as ``<optimiser>.<network>.grad_norm``, checked to be finite before
      anything moves, and clipped by itself.
    - Gradients that wait for their update (``accumulative_counts``) are part of the checkpoint.
    """

    name = ''
    _networks: Mapping[str, Sequence[nn.Parameter]] | None = None
    _gathered: list[list[Tensor | None]] | None = None
    _resumed: list[list[Tensor | None]] | None = None

    def set_networks(self, name: str, networks: Mapping[str, Sequence[nn.Parameter]]) -> None:
        """Say which networks the parameters belong to; called by the constructor.

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
        """Average over ranks, check, clip, and step.

        Raises:
            NonFiniteError: If a network's gradient is not finite; on every rank, before anything moves.
        """
        self._average_gradients()
        bad = self._clip_networks()
        if bad:
            raise NonFiniteError(f'the gradient of {" and of ".join(bad)} is not finite')
        self.optimizer.step(**kwargs)

    def _average_gradients(self) -> None:
        self._resumed = None
        if not dist.is_distributed():
            return
        parameters = self.parameters
        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32, device=parameters[0].device)
        torch.distributed.all_reduce(used, torch.distributed.ReduceOp.MAX)
        gradients = []
        for parameter, is_used in zip(parameters, used.tolist(), strict=True):
            if is_used:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        dist.all_reduce_params(gradients, coalesce=True, op='mean')

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
        """Whether gradients are gathered that no update has used yet."""
        return not self.should_update()

    def gather_gradients(self) -> None:
        """Collect what waits for its update on the ranks, for the next :meth:`state_dict`; every rank must call it."""
        self._gathered = None
        if self.is_waiting:
            own = [None if p.grad is None else p.grad.detach().cpu() for p in self.parameters]
            self._gathered = dist.gather_object(own) if dist.is_distributed() else [own]

    def forget_gathered(self) -> None:
        """Free what :meth:`gather_gradients` collected."""
        self._gathered = None

    def state_dict(self) -> dict:
        """State of the optimiser (and loss scaler), with the ranks' ``gradients`` if some wait for their update."""
        state = super().state_dict()
        return state if self._gathered is None else {**state, 'gradients': self._gathered}

    def load_state_dict(self, state_dict: dict) -> None:
        """Load what :meth:`state_dict` gave; gradients come into force with :meth:`initialize_count_status`."""
        state_dict = dict(state_dict)
        self._resumed = state_dict.pop('gradients', None)
        super().load_state_dict(state_dict)

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Begin counting backward passes at ``init_counts`` of ``max_counts``; a group under way goes on.

        mmengine's Runner calls it with iterations of the run, then :class:`StagedTrainLoop` with those of the stage:
        resumed gradients are kept until the first step.
        """
        super().initialize_count_status(model, 0, max_counts)
        self._inner_count = init_counts
        resumed = self._resumed
        if not self.is_waiting:
            return
        if resumed is None:
            print_log(
                f'Optimiser {self.name}: the checkpoint lies between two updates and holds no gradients; those of '
                f'{init_counts % self._accumulative_counts} backward passes are lost.',
                logger='current',
                level=logging.WARNING,
            )
            return
        same_ranks = len(resumed) == dist.get_world_size()
        for i, parameter in enumerate(self.parameters):
            # Of another number of ranks each takes the mean, so that the mean over ranks is what it was.
            own = [resumed[dist.get_rank()][i]] if same_ranks else [gradients[i] for gradients in resumed]
            used = [gradient for gradient in own if gradient is not None]
            if used:
                parameter.grad = (sum(used) / len(own)).to(parameter)


@OPTIM_WRAPPERS.register_module()
class SyncOptimWrapper(GradSync, OptimWrapper):
    """mmengine's OptimWrapper with what :class:`GradSync` adds and, where asked, autocast without a scaler.

    Args:
        dtype: ``'bfloat16'`` runs forwards under autocast (CPU and GPU); None runs them in the model's own precision.
        **kwargs: As mmengine's ``OptimWrapper``; ``clip_grad`` acts on each network by itself.
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
    """mmengine's AmpOptimWrapper (float16 with a loss scaler, on a GPU) with what :class:`GradSync` adds.

    A gradient that is not finite skips the step on every rank and lowers the scale, as usual in float16; a scale that
    has fallen below 1e-4 stops the run. Optimisers that step from one backward pass share one scaler.
    """

    def share_loss_scaler(self, other: SyncAmpOptimWrapper) -> None:
        """Use the scaler of another wrapper, whose losses are propagated together with this one's."""
        self.loss_scaler = other.loss_scaler

    def step(self, update_scale: bool = True, **kwargs) -> None:
        """Average over ranks, unscale, clip, and step unless a gradient is not finite.

        Args:
            update_scale: Adjust the scale afterwards; only the last of the wrappers that share a scaler does.
            **kwargs: For the optimiser.

        Raises:
            NonFiniteError: If gradients are not finite however small the scale.
        """
        self._average_gradients()
        bad = []
        if any(p.grad is not None for p in self.parameters):  # else the scaler complains of a missing check
            self.loss_scaler.unscale_(self.optimizer)
            bad = self._clip_networks()
            self.loss_scaler.step(self.optimizer, **kwargs)
        if update_scale:
            self.loss_scaler.update(self._scale_update_param)
        if bad and self.loss_scaler.get_scale() < SMALLEST_LOSS_SCALE:
            raise NonFiniteError(f'the gradient of {" and of ".join(bad)} is not finite at any loss scale')


class NamedOptimWrapperDict(OptimWrapperDict):
    """OptimWrapperDict whose members count their iterations, so that accumulation resumes where it was."""

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)
