"""Trains what a config describes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmuda.apis.adapt import check_adaptation
from mmuda.apis.adapt_and_choose import adapt_and_choose
from mmuda.apis.candidates import Candidate
from mmuda.apis.class_checks import check_pairing
from mmuda.apis.distributed import init_distributed
from mmuda.apis.prepare import folder_of, prepare
from mmuda.apis.runner import build_runner, no_early_log, plain_errors
from mmuda.apis.start import start_of_training
from mmuda.checkpoints.reading import force_safe_loading
from mmuda.engine.terminal import live_line
from mmuda.utils.ranks import sole_job
from mmuda.utils.writing import no_empty_folders


@contextmanager
def imports_uncollected() -> Iterator[None]:
    """Keep what is imported out of sight of the garbage collector.

    Each dataset of mmengine collects garbage when it is built, which takes a second with all modules.
    """
    if gc.get_freeze_count():  # somebody else did it, and undoes it
        yield
        return
    gc.collect()  # so that nothing of an earlier training stays
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def train(
    cfg: Config,
    work_dir: str | None = None,
    resume: bool | str = False,
    amp: bool | str = False,
    launcher: str = 'none',
    seed: int | None = None,
) -> Runner:
    """Train a config, or continue an interrupted run.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`; it is not changed; the Runner gets a prepared copy.
        work_dir: Folder of the run; the config's, else ``./work_dirs/<config name>``.
        resume: ``True`` continues from the newest readable checkpoint in the work directory and fails if there is none.
            ``'auto'`` starts from scratch in that case. A path names the checkpoint, or the folder to search for it.
        amp: Mixed precision: ``True`` for the device's kind, or ``'float16'`` / ``'bfloat16'``.
        launcher: ``none``, ``pytorch`` or ``slurm``.
        seed: Seed of every random choice; the config's, else 0.

    Returns:
        The Runner after training. If the config has ``adaptation_steps``, the last checkpoint has then been adapted and
        the better of both chosen (:func:`mmuda.apis.adapt_and_choose`).

    Raises:
        UserError: If something in the config or the arguments is wrong; before the first iteration where possible.
    """
    check_adaptation(cfg)
    start_processes(cfg, launcher)
    work_dir = folder_of(cfg, work_dir)
    with (
        imports_uncollected(),
        no_empty_folders(work_dir),
        sole_job(work_dir, 'being trained'),
        no_early_log(work_dir, cfg.filename),
    ):
        start = start_of_training(cfg, work_dir, resume)
        runner = build_runner(prepare(cfg, work_dir, seed, amp, launcher, start))
        with plain_errors(runner):
            for warning in check_pairing(runner):
                runner.logger.warning(warning)
            with live_line(runner):
                runner.train()
        if cfg.get('adaptation_steps') and is_main_process():
            config = Path(work_dir) / Path(runner.cfg.filename).name
            model = Candidate('as trained', config, (runner.message_hub.get_info('last_ckpt'),))
            adapt_and_choose([model], work_dir, runner.seed, runner.logger.info)
    return runner


def start_processes(cfg: Config, launcher: str = 'none') -> None:
    """Switch to safe checkpoint loading and set up communication between processes."""
    force_safe_loading()
    init_distributed(launcher, cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout'))
