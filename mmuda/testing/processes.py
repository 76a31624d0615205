"""Starts a command as several processes that train together via gloo."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence

import mmuda

TIMEOUT = 240  # seconds
PACKAGES = os.path.dirname(os.path.dirname(mmuda.__file__))


def start(arguments: Sequence[object], world_size: int = 2) -> list[subprocess.Popen]:
    """Start ``python ARGUMENTS`` once for each rank; all meet on a free port, and none sees a GPU.

    Args:
        arguments: A script, or ``-m`` and a module, followed by its arguments.
        world_size: Number of processes.

    Returns:
        The processes in the order of their ranks, for :func:`finish`.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    environment = dict(
        os.environ,
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
        WORLD_SIZE=str(world_size),
        CUDA_VISIBLE_DEVICES='',
        OMP_NUM_THREADS='1',
        # The processes can import whatever this one can, including the same mmuda.
        PYTHONPATH=os.pathsep.join([PACKAGES, *filter(None, sys.path)]),
    )
    return [
        subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            env=dict(environment, RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(world_size)
    ]


def finish(*groups: Sequence[subprocess.Popen]) -> None:
    """Wait for the processes of all groups.

    Raises:
        AssertionError: If one fails, with the last lines that each of them printed.
    """
    processes = [process for group in groups for process in group]
    try:
        said = [process.communicate(timeout=TIMEOUT)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()  # no effect if it has ended
    if any(process.returncode for process in processes):
        raise AssertionError('\n'.join(text[-2000:] for text in said))
