"""Counts what a piece of code computes: operations, convolutions, and where it waits for a device."""

from __future__ import annotations

import traceback
from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Each of these makes the host wait for a device: a value of it decides what happens next, or how large a result is.
WAITS = {'_local_scalar_dense', 'nonzero', 'masked_select', '_unique2', 'bincount', 'equal'}
PLACES = ('/mmuda/', '/mmseg/', '/mmengine/', '/torch/optim/')


class Operations(TorchDispatchMode):
    """Counts the operations that are run by name, and the waits for a device by the file that asks.

    A value that was read before, a scalar of float64 among those of float32, is in main memory and no wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.counts[name] += 1
        if name in WAITS and args[0].dtype != torch.float64:
            files = [frame.filename for frame in traceback.extract_stack()]
            self.waits[next((file for file in reversed(files) if any(place in file for place in PLACES)), '?')] += 1
        return func(*args, **(kwargs or {}))

    def waits_in(self, place: str) -> int:
        """Waits that a file or folder asks for, e.g. ``'/mmuda/'``."""
        return sum(count for file, count in self.waits.items() if place in file)
