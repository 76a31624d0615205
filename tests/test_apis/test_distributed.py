import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from torch import distributed as torch_dist

from mmuda.apis import UserError, init_distributed
from mmuda.apis import distributed as module


def test_none_starts_nothing():
    init_distributed('none')
    assert not torch_dist.is_initialized()


def test_an_unknown_launcher_and_a_missing_environment_are_refused(monkeypatch):
    with pytest.raises(UserError, match="launcher 'mpi' is unknown; use one of none, pytorch, slurm"):
        init_distributed('mpi')
    for name in ('RANK', 'WORLD_SIZE', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r'needs RANK, WORLD_SIZE.*dist_train\.sh'):
        init_distributed('pytorch')
    with pytest.raises(UserError, match='SLURM_PROCID'):
        init_distributed('slurm')


def test_slurm_gives_what_torchrun_would(monkeypatch):
    environment = dict(SLURM_PROCID='5', SLURM_NTASKS='8', SLURM_NODELIST='node[3-4]', SLURM_LOCALID='1')
    started = []

    def run(command, **kwargs):
        assert command == ['scontrol', 'show', 'hostnames', 'node[3-4]']
        return SimpleNamespace(stdout='node3\nnode4\n')

    with monkeypatch.context() as patch:
        for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
            patch.setenv(name, '')
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(subprocess, 'run', run)
        patch.setattr('torch.cuda.is_available', lambda: False)
        patch.setattr(torch_dist, 'init_process_group', lambda backend, **options: started.append((backend, options)))
        init_distributed('slurm')
        assert started == [('gloo', {})]
        given = {name: module.os.environ[name] for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR')}
        assert given == dict(RANK='5', WORLD_SIZE='8', LOCAL_RANK='1', MASTER_ADDR='node3')


def test_more_processes_than_gpus_are_refused(monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, '1')
    monkeypatch.setenv('LOCAL_RANK', '1')
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    with pytest.raises(UserError, match='process 1 of this machine has no GPU: there are 1'):
        init_distributed('pytorch')


def test_two_processes_without_a_gpu(tmp_path):
    script = tmp_path / 'two.py'
    script.write_text(
        'import runpy, torch\n'
        'from torch import distributed as dist\n'
        # The file alone: importing the package around it would load mmseg in both processes.
        f'init_distributed = runpy.run_path({module.__file__!r})["init_distributed"]\n'
        "init_distributed('pytorch', timeout=60)\n"
        "assert dist.get_backend() == 'gloo'\n"
        'value = torch.tensor([float(dist.get_rank() + 1)])\n'
        'dist.all_reduce(value)\n'
        'assert value.item() == 3\n'
        'dist.destroy_process_group()\n'
    )
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    environment = dict(
        module.os.environ, CUDA_VISIBLE_DEVICES='', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), WORLD_SIZE='2'
    )
    ranks = [
        subprocess.Popen([sys.executable, str(script)], env=dict(environment, RANK=str(rank), LOCAL_RANK=str(rank)))
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in ranks] == [0, 0]
