"""Shared by all tests."""

import os

import pytest
import torch

# Workers and test processes share few cores; more threads than cores wait for each other.
torch.set_num_threads(1)
os.environ.setdefault('OMP_NUM_THREADS', '1')


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch):
    """Entry points set these for their process; a test must not set them for the next one."""
    for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'MMUDA_WEIGHTS_DIR', 'MMUDA_TRACEBACK'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
