"""What the weights of a run start from."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from mmengine.config import Config

from mmuda.apis.source_free import refuse_random_start
from mmuda.checkpoints.finding import (
    find_checkpoint,
    find_checkpoint_since_start,
    is_marked,
    mark_start,
    read_resumable,
)
from mmuda.checkpoints.reading import read_checkpoint, refuse_not_finite, state_dict_of
from mmuda.checkpoints.weights import resolve_weights
from mmuda.utils.ranks import on_main_process


@dataclass(frozen=True)
class Start:
    """What the weights of a run start from.

    Attributes:
        checkpoint: Path of a readable checkpoint; None for the initial weights.
        resume: Whether to resume the run that wrote it.
        seed: Seed of that run, if the checkpoint holds it.
    """

    checkpoint: str | None = None
    resume: bool = False
    seed: int | None = None


def start_of_training(cfg: Config, work_dir: str, resume: bool | str) -> Start:
    """Decide where a training starts from, before anything is built.

    An unreadable or unsafe file is refused, and so is a source-free training that starts from no checkpoint.

    After a restart by torchrun (``--max-restarts``), a process continues from the newest checkpoint of this run,
    whatever the run began with. Rank 0 decides for all.

    Args:
        cfg: Its ``load_from`` is used if no run is resumed.
        work_dir: Folder of the run, where the start is recorded.
        resume: As :func:`mmuda.apis.train`.
    """
    decided, seed = on_main_process(lambda: _checkpoint_and_seed(work_dir, resume))
    if decided is not None:
        return Start(decided, resume=True, seed=seed)
    start = start_from(cfg.load_from) if cfg.get('load_from') else Start()
    refuse_random_start(cfg, start.checkpoint)
    return start


def start_from(checkpoint: str | os.PathLike) -> Start:
    """Start from the weights of a file; it is read, and refused if weights are not finite.

    Args:
        checkpoint: Path or URL.
    """
    path = resolve_weights(checkpoint)
    loaded = read_checkpoint(path, tell=False)  # the Runner logs it
    refuse_not_finite(state_dict_of(loaded), checkpoint)
    return Start(path)


def _checkpoint_and_seed(work_dir: str, resume: bool | str) -> tuple[str | None, int | None]:
    checkpoint = _checkpoint_of(work_dir, resume)
    return checkpoint, None if checkpoint is None else read_checkpoint(checkpoint, resume=True)['meta'].get('seed')


def _checkpoint_of(work_dir: str, resume: bool | str) -> str | None:
    """Checkpoint to resume from; None to start from scratch."""
    # torchrun is the parent of its processes and stays the same over restarts; dist_train.sh gives a surer name.
    job = os.environ.get('MMUDA_JOB') or f'{socket.gethostname()} {os.getppid()}'
    restarts = int(os.environ.get('TORCHELASTIC_RESTART_COUNT') or 0)
    if restarts > 0 and is_marked(work_dir, job):
        return find_checkpoint_since_start(work_dir) or _checkpoint_to_resume(work_dir, resume)
    # The first start, or the first that got this far.
    checkpoint = _checkpoint_to_resume(work_dir, resume)
    mark_start(work_dir, job)
    return checkpoint


def _checkpoint_to_resume(work_dir: str, resume: bool | str) -> str | None:
    if not resume:
        return None
    if resume is True or resume == 'auto':
        return find_checkpoint(work_dir, required=resume is True)
    if os.path.isdir(resume):
        return find_checkpoint(resume)
    path = resolve_weights(resume)
    read_resumable(path)
    return path
