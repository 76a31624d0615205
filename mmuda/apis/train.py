"""Trains what a config describes."""

import logging
import os
import socket

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmuda.apis.class_checks import check_pairing
from mmuda.apis.config import add_hooks, check_schedules, enable_amp, set_model_wrapper, set_seed, set_work_dir
from mmuda.apis.distributed import init_distributed
from mmuda.apis.runner import build_runner, plain_errors
from mmuda.checkpoints.finding import (
    find_checkpoint,
    find_checkpoint_since_start,
    is_marked,
    mark_start,
    read_resumable,
)
from mmuda.checkpoints.reading import force_safe_loading, read_checkpoint, refuse_not_finite, state_dict_of
from mmuda.checkpoints.weights import resolve_weights, use_weights_dir
from mmuda.utils.ranks import on_main_process, sole_job


def train(
    cfg: Config,
    work_dir: str | None = None,
    resume: bool | str = False,
    amp: bool | str = False,
    launcher: str = 'none',
    seed: int | None = None,
) -> Runner:
    """Train, or go on with a run that was killed.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        work_dir: Folder of the run; the config's, else ``./work_dirs/<config name>``.
        resume: ``True`` goes on from the newest readable checkpoint of the work directory and fails if there is none;
            ``'auto'`` starts anew then; a path names the checkpoint, or the folder to look for it in.
        amp: Mixed precision: ``True`` for the device's kind, or ``'float16'`` / ``'bfloat16'``.
        launcher: ``none``, ``pytorch`` or ``slurm``.
        seed: Seed of every random choice; the config's, else 0.

    Returns:
        The Runner after training.

    Raises:
        UserError: If something in the config or the arguments is wrong; before the first iteration where possible.
    """
    start_processes(cfg, work_dir, launcher)
    with sole_job(cfg.work_dir, 'being trained'):
        complete_config(cfg, resume, amp, seed)
        runner = build_runner(cfg)
        with plain_errors(runner):
            for warning in check_pairing(runner):
                runner.logger.warning(warning)
            runner.train()
    return runner


def prepare_training(
    cfg: Config,
    work_dir: str | None = None,
    resume: bool | str = False,
    amp: bool | str = False,
    launcher: str = 'none',
    seed: int | None = None,
) -> None:
    """Everything that :func:`train` does before the Runner is built: arguments into the config, processes, files."""
    start_processes(cfg, work_dir, launcher)
    complete_config(cfg, resume, amp, seed)


def start_processes(cfg: Config, work_dir: str | None = None, launcher: str = 'none') -> None:
    """Safe loading from here on, the processes' communication, and the folder of the run."""
    force_safe_loading()
    cfg.launcher = launcher
    init_distributed(launcher, _dist_timeout(cfg))
    set_work_dir(cfg, work_dir)


def complete_config(cfg: Config, resume: bool | str, amp: bool | str, seed: int | None) -> None:
    """The arguments of :func:`train` and what every run has, into the config."""
    set_seed(cfg, seed)
    if amp:
        enable_amp(cfg, amp if isinstance(amp, str) else None)
    check_schedules(cfg)
    set_start(cfg, resume)
    use_weights_dir(cfg.get('model'))
    add_hooks(cfg)
    if cfg.launcher != 'none':
        set_model_wrapper(cfg)


def set_start(cfg: Config, resume: bool | str) -> None:
    """Decide what the weights start from, and refuse an unreadable or unsafe file before anything is built.

    A process that torchrun has started anew after a failure (``--max-restarts``) goes on from the newest checkpoint
    that this run has written, whatever it began with. Rank 0 decides for all.
    """
    decided, seed = on_main_process(lambda: _start_and_seed(cfg.work_dir, resume))
    cfg.resume = decided is not None
    if cfg.resume:
        cfg.load_from = decided
        _keep_seed(cfg, seed)
    elif cfg.get('load_from'):
        cfg.load_from = resolve_weights(cfg.load_from)
        loaded = read_checkpoint(cfg.load_from, tell=False)  # the Runner's log tells it
        refuse_not_finite(state_dict_of(loaded), cfg.load_from)


def _start_and_seed(work_dir: str, resume: bool | str) -> tuple[str | None, int | None]:
    checkpoint = _start_of(work_dir, resume)
    return checkpoint, None if checkpoint is None else read_checkpoint(checkpoint, resume=True)['meta'].get('seed')


def _keep_seed(cfg: Config, seed: int | None) -> None:
    """Draw as the run did that is resumed. mmengine takes its seed only after loaders were built with the config's."""
    own = cfg.randomness.seed
    if isinstance(seed, int) and seed != own:
        message = f"resume: the seed is {seed} in the checkpoint and {own} in the config; the checkpoint's counts"
        print_log(message, logger='current', level=logging.WARNING)
        cfg.randomness.seed = seed


def _start_of(work_dir: str, resume: bool | str) -> str | None:
    """Checkpoint to go on from; None to start anew."""
    # torchrun is the parent of its processes and stays the same over restarts; dist_train.sh gives a surer name.
    job = os.environ.get('MMUDA_JOB') or f'{socket.gethostname()} {os.getppid()}'
    restarts = int(os.environ.get('TORCHELASTIC_RESTART_COUNT') or 0)
    if restarts > 0 and is_marked(work_dir, job):
        return find_checkpoint_since_start(work_dir) or _checkpoint_to_resume(work_dir, resume)
    # The first start, or the first one that came so far.
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


def _dist_timeout(cfg: Config) -> float | None:
    return cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
