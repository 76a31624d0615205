"""Derives seeds from the position in a run, so that no checkpoint needs a generator's state."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def mix_seed(*parts: int | str) -> int:
    """A well-mixed seed computed from numbers and names, the same on every machine.

    Args:
        *parts (int | str): What the seed depends on, for instance the seed of the run, a position and a name.

    Returns:
        int: In [0, 2**63).
    """
    digest = hashlib.blake2b('/'.join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, 'little') >> 1


def seed_cpu_generators(seed: int) -> None:
    """Seed ``random``, numpy and torch's CPU generator.

    Args:
        seed (int): In [0, 2**63).
    """
    random.seed(seed)
    np.random.seed([seed & 0xFFFFFFFF, seed >> 32])
    # Not torch.manual_seed, which would reseed the GPU's generators too.
    torch.default_generator.manual_seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed ``random``, numpy and torch's CPU generator inside, and restore their states afterwards.

    If they were not restored, a loader without workers would reseed the generator of the model's dropout.

    Args:
        seed (int): In [0, 2**63).
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed_cpu_generators(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
