"""Derives the random numbers of a training step from (seed, rank, iteration)."""

from __future__ import annotations

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmuda.registry import HOOKS
from mmuda.utils.seeds import mix_seed, seed_cpu_generators


@HOOKS.register_module()
class IterSeedHook(Hook):
    """Reseeds Python, NumPy and torch before each training iteration.

    Checkpoints hold no state of random generators. Because the generators are seeded by position, a resumed run draws
    the same dropout masks and noise as one that was never interrupted.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        seed = mix_seed(runner.seed, get_rank(), runner.iter)
        seed_cpu_generators(seed)
        torch.cuda.manual_seed_all(seed)  # does nothing without a GPU
