"""Shared by all tests."""

import os

import pytest
import torch
from yapf.yapflib import yapf_api

# Workers and test processes share few cores; more threads than cores wait for each other.
torch.set_num_threads(1)
os.environ.setdefault('OMP_NUM_THREADS', '1')
# mmengine lays out the text of a config anew at each start and checkpoint, which was most of the time of short runs.
yapf_api.FormatCode = lambda text, *_, **__: (text, True)
# Files of tests need not survive a power cut; waiting for the disk was most of the time where many are written.
os.fsync = lambda descriptor: None


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch, tmp_path_factory):
    """Entry points set these for their process; a test must not set them for the next one."""
    for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'MMUDA_WEIGHTS_DIR', 'MMUDA_TRACEBACK'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    monkeypatch.setenv('MMUDA_CACHE_DIR', str(tmp_path_factory.getbasetemp() / 'cache'))
