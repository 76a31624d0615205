"""torchrun starts a job anew whose process died; it ends as if nothing had happened."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import CONFIG

from mmuda.utils.checkpoint import read_checkpoint
from mmuda.utils.resume import find_checkpoint_of_restart, mark_start

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(tmp_path):
    config = tmp_path / 'config.py'
    hooks = "custom_hooks = [dict(type='SelfKillHook')]\n"
    config.write_text(CONFIG + "custom_imports = dict(imports=['tiny', 'killing'])\n" + hooks)
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'tests/test_apis', ROOT / 'tests/resilience')))

    def start(work_dir, **environment):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = str(free.getsockname()[1])
        return subprocess.Popen(
            ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--work-dir', str(work_dir), '--seed', '3'],
            env={**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': path, 'PORT': port, 'OMP_NUM_THREADS': '1',
                 'CUDA_VISIBLE_DEVICES': '', **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    return start


def test_a_job_whose_process_was_killed_ends_as_if_it_had_not_been(start, tmp_path):
    whole, restarted = tmp_path / 'whole', tmp_path / 'restarted'
    jobs = [start(whole), start(restarted, MAX_RESTARTS='1', KILL='iteration:5', KILL_RANK='1')]
    said = [job.communicate(timeout=300)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said[0] + said[1]
    assert 'Signal 9 (SIGKILL)' in said[1] or 'exitcode: -9' in said[1]
    assert json.loads((restarted / 'summary.json').read_text())['resumed_from'] == 4
    ours, theirs = (read_checkpoint(folder / 'iter_10.pth')['state_dict'] for folder in (whole, restarted))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_restart_takes_no_checkpoint_of_an_older_run(tmp_path):
    checkpoint = dict(meta=dict(iter=4), state_dict={}, message_hub={}, optimizer={})
    torch.save(checkpoint, tmp_path / 'iter_9.pth')
    assert find_checkpoint_of_restart(tmp_path) is None
    mark_start(tmp_path)
    os.utime(tmp_path / 'iter_9.pth', (1, 1))
    assert find_checkpoint_of_restart(tmp_path) is None
    torch.save(checkpoint, tmp_path / 'iter_4.pth')
    assert find_checkpoint_of_restart(tmp_path) == str(tmp_path / 'iter_4.pth')
