"""Builds a Runner and words the mistakes that configs contain."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mmuda import registry as registries
from mmuda.apis.class_checks import unwrapped
from mmuda.apis.config_check import unknown_type
from mmuda.apis.config_shapes import check_complete
from mmuda.models.wrappers import explain_channels

UNKNOWN_TYPE = re.compile(r'(\S+) is not in the (?:\S*::)?(\S.*?) registry')


def build_runner(cfg: Config) -> Runner:
    """Runner of a prepared config, of the type ``runner_type`` if the config names one.

    Raises:
        UserError: If a ``type`` is unknown, with the names that come close, or a part is missing.
    """
    check_complete(cfg)
    # mmengine keeps logger, message hub and visualiser by this name; its default has the time in seconds, so that two
    # runs of one process that start within a second would share them.
    if cfg.get('experiment_name') is None:
        cfg.experiment_name = f'{Path(cfg.filename or "run").stem}_{uuid.uuid4().hex[:8]}'
    try:
        return registries.RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    except KeyError as error:
        raise name_near_misses(error) from error


@contextmanager
def plain_errors(runner: Runner) -> Iterator[None]:
    """Word what mmengine and torch say about a mistake in the config, inside.

    Raises:
        UserError: An unknown type, or a network that is given another number of channels than it takes.
    """
    try:
        yield
    except KeyError as error:  # loops, optimisers and datasets are built late
        raise name_near_misses(error) from error
    except RuntimeError as error:
        explained = explain_channels(error, unwrapped(runner.model))
        if explained is None:
            raise
        raise explained from error


def name_near_misses(error: KeyError) -> Exception:
    """The registry's "not in the registry" error with the known names that resemble the unknown one."""
    match = UNKNOWN_TYPE.search(str(error.args[0])) if error.args else None
    if match is None:
        return error
    name, kind = match.group(1), match.group(2)
    return unknown_type(name, kind, known_names(kind))


def known_names(kind: str) -> list[str]:
    """Names that a registry of this kind and its parents hold, e.g. ``model``."""
    names: set[str] = set()
    for registry in vars(registries).values():
        if getattr(registry, 'name', None) != kind or not hasattr(registry, 'module_dict'):
            continue
        while registry is not None:
            names.update(registry.module_dict)
            registry = registry.parent
    return sorted(names)
