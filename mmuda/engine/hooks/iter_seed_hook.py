"""Random numbers of a training step follow from (seed, rank, iteration)."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmuda.registry import HOOKS


def seed_of(*numbers: int) -> int:
    """A 32-bit seed from integers, the same on every machine."""
    digest = hashlib.blake2b(','.join(map(str, numbers)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, 'little')


@HOOKS.register_module()
class IterSeedHook(Hook):
    """Reseeds Python, NumPy and torch before each training iteration.

    No checkpoint holds the state of random generators; seeded by position they need none, and a resumed run draws
    the same dropout masks and noise as one that was never killed.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        seed = seed_of(runner.seed, get_rank(), runner.iter)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
