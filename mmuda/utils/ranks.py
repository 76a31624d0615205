"""Keeps ranks equal in everything besides gradients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch
from mmengine import dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.utils.errors import UserError
from mmuda.utils.locks import sole_writer

T = TypeVar('T')


def on_main_process(function: Callable[[], T]) -> T:
    """Give every rank what rank 0 decides; a collective call.

    Args:
        function: Called on rank 0 alone; its result must be picklable.

    Raises:
        UserError: On every rank, if ``function`` raises one on rank 0.
    """
    decided, refusal = None, None
    if dist.is_main_process():
        try:
            decided = function()
        except (UserError, FileNotFoundError) as error:
            refusal = str(error)
    told = [decided, refusal]
    dist.broadcast_object_list(told)
    decided, refusal = told
    if refusal:
        raise UserError(refusal)
    return decided


@contextmanager
def sole_job(folder: str | os.PathLike, doing: str, lock: str | os.PathLike | None = None) -> Iterator[None]:
    """:func:`sole_writer` for all ranks: rank 0 takes the lock, and all fail together; a collective call."""
    with ExitStack() as stack:
        on_main_process(lambda: stack.enter_context(sole_writer(folder, doing, lock)))
        yield


@torch.no_grad()
def average_norm_statistics(module: nn.Module) -> None:
    """Replace the running statistics of batch norm layers in training by their mean over ranks; a collective call.

    Averaged gradients keep parameters equal on all ranks, but each rank's statistics follow its own samples. Without
    this, a checkpoint would hold those of rank 0, and weight averages used in training (a teacher) would differ by
    rank.

    Args:
        module: The same network on every rank.
    """
    if not dist.is_distributed():
        return
    statistics = [
        buffer
        for layer in module.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.track_running_stats
        for buffer in (layer.running_mean, layer.running_var)
    ]
    if statistics:
        dist.all_reduce_params(statistics, coalesce=True, op='mean')


@torch.no_grad()
def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all ranks, concatenated in rank order and equal on every rank; a collective call.

    Args:
        rows: (M, ...), M may differ by rank and be 0.

    Returns:
        (sum of M, ...), without gradient.
    """
    if not dist.is_distributed():
        return rows
    device, size = rows.device, dist.get_world_size()
    counts = torch.zeros(size, dtype=torch.long, device=device)
    counts[dist.get_rank()] = len(rows)
    torch.distributed.all_reduce(counts)
    longest = int(counts.max())
    if longest == 0:
        return rows
    padded = rows.new_zeros(longest, *rows.shape[1:])
    padded[: len(rows)] = rows
    gathered = [torch.empty_like(padded) for _ in range(size)]
    torch.distributed.all_gather(gathered, padded)
    return torch.cat([part[:count] for part, count in zip(gathered, counts.tolist(), strict=True)])
