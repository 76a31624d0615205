"""Builds a Runner and explains mistakes in configs."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import Runner

from mmuda.apis.config_shapes import check_complete
from mmuda.checkpoints.bands import take_any_bands
from mmuda.checkpoints.finding import START_MARK
from mmuda.engine.model_wrapper import unwrapped
from mmuda.models.wrappers import explain_channels
from mmuda.registry import RUNNERS
from mmuda.utils.errors import UserError, told_of


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a prepared config, of type ``runner_type`` if the config names one.

    Pretrained weights for three bands then load into networks for any number (:mod:`mmuda.checkpoints.bands`).

    Raises:
        UserError: If a ``type`` is unknown (with similar names), if it refuses its arguments, or if a part is missing.
    """
    check_complete(cfg)
    # mmengine registers logger, message hub and visualiser under this name. Its default is the time in seconds, so two
    # runs that one process starts within a second would share them.
    if cfg.get('experiment_name') is None:
        cfg.experiment_name = f'{Path(cfg.filename or "run").stem}_{uuid.uuid4().hex[:8]}'
    with told_of('Runner'):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    take_any_bands(unwrapped(runner.model))
    return runner


@contextmanager
def no_early_log(work_dir: str | os.PathLike, filename: str | None) -> Iterator[None]:
    """If a user's mistake ends a run before its first iteration is done, remove the log and the config that it wrote.

    Nothing in them goes beyond the error. What was in the folder before, and what others have written, stays.

    Args:
        work_dir: Folder of the run.
        filename: File of its config.
    """
    folder, earlier = Path(work_dir).absolute(), MMLogger.get_current_instance()
    names = [START_MARK, *([Path(filename).name] if filename else [])]
    own = [folder / name for name in names if not (folder / name).exists()]
    try:
        yield
    except (UserError, OSError):
        logger = MMLogger.get_current_instance()
        done = logger is not earlier and MessageHub.get_instance(logger.instance_name).get_info('iter', 0)
        if is_main_process() and not done:
            files = [] if logger is earlier else [getattr(one, 'baseFilename', None) for one in logger.handlers]
            for log_dir in {Path(file).parent for file in files if file}:
                if log_dir.parent == folder:
                    shutil.rmtree(log_dir, ignore_errors=True)
                    own.append(log_dir.with_suffix('.py'))
            for path in own:
                path.unlink(missing_ok=True)
        raise


@contextmanager
def plain_errors(runner: Runner) -> Iterator[None]:
    """Turn errors of torch inside the block into explanations of mistakes in the config.

    Raises:
        UserError: If a network receives the wrong number of channels.
    """
    try:
        yield
    except RuntimeError as error:
        explained = explain_channels(error, unwrapped(runner.model))
        if explained is None:
            raise
        raise explained from error
