"""torchrun starts a job anew whose process died; it ends as if nothing had happened."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from mmuda.apis.start import _checkpoint_of
from mmuda.checkpoints.reading import read_checkpoint
from tests.helpers import ROOT
from tests.helpers.tiny import CONFIG


@pytest.fixture
def start(tmp_path):
    config = tmp_path / 'config.py'
    hooks = "custom_hooks = [dict(type='SelfKillHook')]\n"
    config.write_text(
        CONFIG + "custom_imports = dict(imports=['tests.helpers.tiny', 'tests.helpers.resilience.killing'])\n" + hooks
    )

    def start(work_dir, **environment):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = str(free.getsockname()[1])
        return subprocess.Popen(
            ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--work-dir', str(work_dir), '--seed', '3'],
            env={**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': str(ROOT), 'PORT': port, 'OMP_NUM_THREADS': '1',
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


@pytest.fixture
def restarts(monkeypatch):
    """Sets how often torchrun has started the job, and the job's name."""

    def restarts(count, job='ours'):
        monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', str(count))
        monkeypatch.setenv('MMUDA_JOB', job)

    return restarts


def write_checkpoint(folder, iteration, age=0):
    path = folder / f'iter_{iteration}.pth'
    torch.save(dict(meta=dict(iter=iteration, epoch=0), state_dict={}, message_hub={}, optimizer={}), path)
    if age:
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    return str(path)


def test_a_restart_goes_on_from_this_jobs_newest(restarts, tmp_path):
    older = write_checkpoint(tmp_path, 9, age=60)
    restarts(0)
    assert _checkpoint_of(str(tmp_path), resume=False) is None
    restarts(1)
    assert _checkpoint_of(str(tmp_path), resume=False) is None  # killed before its first checkpoint
    assert _checkpoint_of(str(tmp_path), resume=older) == older
    ours = write_checkpoint(tmp_path, 4)
    assert _checkpoint_of(str(tmp_path), resume=False) == _checkpoint_of(str(tmp_path), resume=older) == ours


def test_a_job_that_dies_before_it_marks_its_start_takes_no_older_checkpoint(restarts, tmp_path):
    restarts(0, job='older')
    _checkpoint_of(str(tmp_path), resume=False)
    write_checkpoint(tmp_path, 9)
    restarts(1)  # the first start of this job died while it was importing
    assert _checkpoint_of(str(tmp_path), resume=False) is None
    ours = write_checkpoint(tmp_path, 4)
    restarts(2)
    assert _checkpoint_of(str(tmp_path), resume=False) == ours


def test_a_job_of_the_same_name_that_begins_anew_begins_anew(restarts, tmp_path):
    restarts(0)
    _checkpoint_of(str(tmp_path), resume=False)
    write_checkpoint(tmp_path, 4)
    assert _checkpoint_of(str(tmp_path), resume=False) is None
