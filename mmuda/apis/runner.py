"""Builds a Runner and explains mistakes in configs."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mmuda.apis.config_shapes import check_complete
from mmuda.checkpoints.bands import take_any_bands
from mmuda.engine.model_wrapper import unwrapped
from mmuda.models.wrappers import explain_channels
from mmuda.registry import RUNNERS
from mmuda.utils.errors import told_of


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
