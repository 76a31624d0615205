"""Gradients of several ranks, several networks and several backward passes."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Mapping, Sequence

import torch
from mmengine import dist
from mmengine.logging import print_log
from torch import Tensor, nn

from mmuda.utils.errors import NonFiniteError
from mmuda.utils.scalars import read_scalars

CULPRIT = ''  # beside the names of networks


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
        """:meth:`measure`, then :meth:`judge`. All optimisers of a step do so before any of them steps.

        Raises:
            NonFiniteError: As :meth:`judge`.
        """
        self.judge(read_scalars(self.measure()))

    def measure(self) -> dict[str, Tensor]:
        """Average gradients over ranks, measure and clip each network's; waits for no device.

        Returns:
            What :meth:`judge` wants to know: the norm of each network's gradient, and with several ranks
            :data:`CULPRIT`: the number of ranks minus the first rank whose own gradient is not finite, or 0.
        """
        return {**self._average_gradients(), **self._clip_networks()}

    def judge(self, values: Mapping[str, Tensor]) -> None:
        """Log the norms and refuse gradients that are not finite.

        Args:
            values: What :meth:`measure` gave, in main memory.

        Raises:
            NonFiniteError: If a network's gradient is not finite; on every rank, with the rank it comes from.
        """
        bad, rank = self._log_norms(values)
        if bad:
            raise NonFiniteError(f'the gradient of {" and of ".join(bad)} is not finite', rank)
        self._prepared = True

    def _average_gradients(self) -> dict[str, Tensor]:
        """Average over ranks; gives :data:`CULPRIT` if there are several."""
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
            return {}
        parameters = self.parameters
        # Which parameters have gradients is known without the device, so it travels through main memory.
        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32)
        torch.distributed.all_reduce(used, torch.distributed.ReduceOp.MAX, group=_cpu_group())
        own = [p.grad for p in parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(own) if own else torch.zeros((), device=parameters[0].device)
        culprit = (dist.get_world_size() - dist.get_rank()) * norm.isfinite().logical_not().float()
        torch.distributed.all_reduce(culprit, torch.distributed.ReduceOp.MAX)
        gradients = []
        for parameter, is_used in zip(parameters, used.tolist(), strict=True):
            if is_used:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        dist.all_reduce_params(gradients, coalesce=True, op='mean')
        return {CULPRIT: culprit}

    def _clip_networks(self) -> dict[str, Tensor]:
        """Clip each network's gradient by itself; gives its norm before."""
        options = self.clip_grad_kwargs or {}
        by_norm = 'max_norm' in options
        norms = {}
        for network, parameters in (self._networks or {'parameters': self.parameters}).items():
            used = [p for p in parameters if p.grad is not None]
            if not used:
                continue
            norm = nn.utils.get_total_norm([p.grad for p in used], options.get('norm_type', 2.0) if by_norm else 2.0)
            norms[network] = norm
            if by_norm:
                nn.utils.clip_grads_with_norm_(used, options['max_norm'], norm)
            elif options:
                self.clip_func(used, **options)
        return norms

    def _log_norms(self, values: Mapping[str, Tensor]) -> tuple[list[str], int | None]:
        """Log the norms; gives the networks whose gradient is not finite, and the first rank that it comes from."""
        bad = []
        for network, norm in values.items():
            if network == CULPRIT:
                continue
            value = norm.item()
            self.message_hub.update_scalar('.'.join(filter(None, (f'train/{self.name}', network, 'grad_norm'))), value)
            if not math.isfinite(value):
                bad.append(network)
        culprit = int(values.get(CULPRIT, 0))
        return bad, dist.get_world_size() - culprit if culprit else None

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


def _cpu_group():
    """A process group that exchanges objects in main memory; NCCL would pass them through rank 0's GPU."""
    return _cpu_group_beside(torch.distributed.group.WORLD)


@functools.lru_cache(maxsize=1)
def _cpu_group_beside(_world):
    return None if torch.distributed.get_backend() == 'gloo' else torch.distributed.new_group(backend='gloo')
