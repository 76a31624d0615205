"""Initialises communication between processes on GPUs (nccl) and, unlike mmengine, also without them (gloo)."""

import datetime
import os
import subprocess

import torch
from torch import distributed as torch_dist

from mmuda.utils.errors import UserError

LAUNCHERS = ('none', 'pytorch', 'slurm')
DEFAULT_PORT = '29500'  # the default of torch and mmengine


def init_distributed(launcher: str, timeout: float | None = None) -> None:
    """Initialise the process group before the Runner, which then uses it.

    mmengine's own initialisation calls ``torch.cuda.set_device`` unconditionally and cannot run without a GPU.

    Args:
        launcher: ``none``, ``pytorch`` (environment of torchrun) or ``slurm`` (environment of srun).
        timeout: Seconds that a collective call may wait; torch's default if None.

    Raises:
        UserError: If the launcher is unknown, its environment is missing, or there are fewer GPUs than processes.
    """
    if launcher not in LAUNCHERS:
        raise UserError(f'launcher {launcher!r} is unknown; use one of {", ".join(LAUNCHERS)}')
    if launcher == 'none' or torch_dist.is_initialized():
        return
    if launcher == 'slurm':
        _export_slurm()
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT') if not _env(name)]
    if missing:
        raise UserError(
            f'launcher {launcher!r} needs {", ".join(missing)} in the environment; start with tools/dist_train.sh '
            'CONFIG N, which runs torchrun'
        )
    options = {} if timeout is None else dict(timeout=datetime.timedelta(seconds=timeout))
    if torch.cuda.is_available():
        local_rank = int(os.environ['LOCAL_RANK'])
        if local_rank >= torch.cuda.device_count():
            raise UserError(
                f'process {local_rank} of this machine has no GPU: there are {torch.cuda.device_count()}; start as '
                'many processes as GPUs, or hide the GPUs with CUDA_VISIBLE_DEVICES= to run on the CPU'
            )
        torch.cuda.set_device(local_rank)
        torch_dist.init_process_group('nccl', **_store_of_restart(), **options)
    else:
        torch_dist.init_process_group('gloo', **_store_of_restart(), **options)


def _store_of_restart() -> dict:
    """Arguments that let a job restarted by torchrun initialise its process group; {} for a first start.

    With its default, static rendezvous, torchrun keeps its store over a restart. The new processes would use the
    addresses that the dead ones left there, so each restart gets its own names.
    """
    restarts = int(_env('TORCHELASTIC_RESTART_COUNT') or 0)
    if restarts == 0 or _env('TORCHELASTIC_USE_AGENT_STORE') != 'True':
        return {}
    rank, world_size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
    address, port = os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])
    store = torch_dist.TCPStore(address, port, world_size, is_master=False)
    return dict(store=torch_dist.PrefixStore(f'restart_{restarts}', store), rank=rank, world_size=world_size)


def _env(name: str) -> str | None:
    return os.environ.get(name) or None


def _export_slurm() -> None:
    """Set the variables that torchrun would set, from those of srun."""
    missing = [name for name in ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST') if not _env(name)]
    if missing:
        raise UserError(f"launcher 'slurm' needs {', '.join(missing)} in the environment; start with srun")
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
    os.environ['LOCAL_RANK'] = _env('SLURM_LOCALID') or '0'
    os.environ.setdefault('MASTER_PORT', DEFAULT_PORT)
    if not _env('MASTER_ADDR'):
        os.environ['MASTER_ADDR'] = _first_slurm_host(os.environ['SLURM_NODELIST'])


def _first_slurm_host(nodes: str) -> str:
    try:
        output = subprocess.run(['scontrol', 'show', 'hostnames', nodes], capture_output=True, text=True, check=True)
        return output.stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise UserError(f'the first host of {nodes} could not be found with scontrol; set MASTER_ADDR') from error
