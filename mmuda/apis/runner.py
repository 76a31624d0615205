"""Builds a Runner and words the mistakes that configs contain."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mmuda.apis.config_shapes import check_complete
from mmuda.engine.model_wrapper import unwrapped
from mmuda.models.wrappers import explain_channels
from mmuda.registry import RUNNERS
from mmuda.utils.errors import told_of


def build_runner(cfg: Config) -> Runner:
    """Runner of a prepared config, of the type ``runner_type`` if the config names one.

    Raises:
        UserError: If a ``type`` is unknown, with the names that come close, or refuses its arguments, or a part is
            missing.
    """
    check_complete(cfg)
    # mmengine keeps logger, message hub and visualiser by this name; its default has the time in seconds, so that two
    # runs of one process that start within a second would share them.
    if cfg.get('experiment_name') is None:
        cfg.experiment_name = f'{Path(cfg.filename or "run").stem}_{uuid.uuid4().hex[:8]}'
    with told_of('Runner'):
        return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


@contextmanager
def plain_errors(runner: Runner) -> Iterator[None]:
    """Word what torch says about a mistake in the config, inside.

    Raises:
        UserError: A network is given another number of channels than it takes.
    """
    try:
        yield
    except RuntimeError as error:
        explained = explain_channels(error, unwrapped(runner.model))
        if explained is None:
            raise
        raise explained from error
