"""Peak memory of a process."""

import sys

import torch

try:
    import resource
except ImportError:  # not on Windows
    resource = None

MIB = 2**20


def peak_of_process() -> float | None:
    """Peak memory of this process so far, in MiB; None if the system does not report it."""
    if resource is None:
        return None
    unit = 1 if sys.platform == 'darwin' else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def peak_of_gpu() -> float | None:
    """Peak memory allocated on the GPU so far, in MiB; None without a GPU."""
    return torch.cuda.max_memory_allocated() / MIB if torch.cuda.is_available() else None
