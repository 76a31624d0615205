"""Builds a Runner and words the mistakes that configs contain."""

import difflib
import re
import uuid
from pathlib import Path

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmuda import registry as registries
from mmuda.utils.errors import UserError

UNKNOWN_TYPE = re.compile(r'(\S+) is not in the \S*::(.+?) registry')


def build_runner(cfg: Config) -> Runner:
    """Runner of a config, of the type ``runner_type`` if the config names one.

    Raises:
        UserError: If a ``type`` is unknown; with the names that come close.
    """
    # mmengine keeps logger, message hub and visualiser by this name; its default has the time in seconds, so that two
    # runs of one process that start within a second would share them.
    if cfg.get('experiment_name') is None:
        cfg.experiment_name = f'{Path(cfg.filename or "run").stem}_{uuid.uuid4().hex[:8]}'
    # A base of mmseg's leaves its preprocessor at the top of the config, and the Runner gives it to any model that has
    # none; an adaptation needs one that knows streams.
    model = cfg.get('model')
    if isinstance(model, dict) and 'segmentor' in model:
        model.setdefault('data_preprocessor', dict(type='UDADataPreprocessor'))
    try:
        return registries.RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    except KeyError as error:
        raise name_near_misses(error) from error


def check_class_counts(runner: Runner) -> None:
    """:func:`check_classes` of the training and validation data, before the first iteration."""
    for split, loop in (('train', runner.train_loop), ('val', runner.val_loop)):
        check_classes(runner, getattr(getattr(loop, 'dataloader', None), 'dataset', None), split)


def check_classes(runner: Runner, dataset, split: str) -> None:
    """Refuse a dataset whose number of classes is not the segmentor's.

    Raises:
        UserError: If dataset and head both say how many there are, and differ.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    head = getattr(getattr(model, 'segmentor', model), 'decode_head', None)
    expected = getattr(head, 'num_classes', None)
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if expected is not None and classes and len(classes) != expected:
        raise UserError(
            f'{split}_dataloader.dataset has {len(classes)} classes {tuple(classes)}, but the decode_head of the '
            f'segmentor has num_classes={expected}; set num_classes={len(classes)} of the head (and in_channels of '
            'discriminators that read its output), or choose other classes by metainfo=dict(classes=...)'
        )


def name_near_misses(error: KeyError) -> Exception:
    """The registry's "not in the registry" error with the known names that resemble the unknown one."""
    match = UNKNOWN_TYPE.search(str(error.args[0])) if error.args else None
    if match is None:
        return error
    name, kind = match.group(1), match.group(2)
    close = difflib.get_close_matches(name.split('.')[-1], known_names(kind), n=3, cutoff=0.6)
    hint = f'did you mean {" or ".join(close)}?' if close else 'check its spelling'
    return UserError(
        f'type {name!r} in the config is not a registered {kind}; {hint} '
        "(a class of your own is registered by the config's custom_imports)"
    )


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
