"""How much memory a process took."""

import sys

import torch

try:
    import resource
except ImportError:  # not on Windows
    resource = None

MIB = 2**20


def peak_of_process() -> float | None:
    """The most that this process has held so far, in MiB; None where the system does not tell."""
    if resource is None:
        return None
    unit = 1 if sys.platform == 'darwin' else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def peak_of_gpu() -> float | None:
    """The most that was allocated on the GPU so far, in MiB; None where there is none."""
    return torch.cuda.max_memory_allocated() / MIB if torch.cuda.is_available() else None
