"""Loads a config and applies what the command line says to it."""

import os
import traceback
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict

from mmuda.apis.config_check import check_config
from mmuda.apis.config_defaults import fill_defaults, keep_workers
from mmuda.apis.options import merge_options
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import note_input
from mmuda.utils.old_names import MODULES
from mmuda.utils.ranges import SEED, require
from mmuda.utils.setup_env import allow_mmseg_configs, register_all_modules

# A run whose seed nobody gave must still be repeatable, and resume exactly.
DEFAULT_SEED = 0
CONFIG_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
REQUIRED_HOOKS = ('CheckpointGuardHook', 'IterSeedHook', 'SummaryHook')
# The Runner looks a wrapper's class up from mmengine's root registry, which does not see grandchildren by bare name.
GRAD_SYNC_WRAPPER = 'mmseg.mmuda.GradSyncWrapper'
# mmengine's optimiser wrappers and ours that average gradients over processes.
AVERAGING_WRAPPERS = {'OptimWrapper': 'SyncOptimWrapper', 'AmpOptimWrapper': 'SyncAmpOptimWrapper'}


def load_config(path: str | os.PathLike, cfg_options: dict | None = None) -> Config:
    """Read a config, register all modules of mmseg and mmuda, and make ``mmuda`` the default scope.

    Besides files, a config may inherit mmseg's bundled ones: ``_base_ = ['mmseg::_base_/models/fcn_unet_s5-d16.py']``.

    What it leaves out is filled in, see :func:`fill_defaults`.

    Args:
        path: A config file (``.py``, ``.json``, ``.yaml``).
        cfg_options: Values by dotted key that replace the file's, as ``--cfg-options`` gives them.

    Raises:
        FileNotFoundError: If the file is missing.
        UserError: If the file cannot be read, an option does not fit, or something in it is misspelt or out of its
            range, see :func:`check_config`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'config {path} was not found; check the path')
    note_input(path)
    cfg = _read(path)
    fill_defaults(cfg)
    merge_options(cfg, cfg_options or {})
    keep_workers(cfg)
    # A config that inherits mmseg's runtime brings scope `mmseg`, in which mmuda's types do not exist; mmuda's
    # registries are children of mmseg's, so the reverse holds for neither.
    if cfg.get('default_scope') in (None, 'mmseg'):
        cfg.default_scope = 'mmuda'
    register_all_modules()
    check_config(cfg)
    return cfg


def _read(path: Path) -> Config:
    """The config of a file; whatever reading it raises is about what its author wrote."""
    allow_mmseg_configs()
    if path.suffix not in CONFIG_SUFFIXES:
        raise UserError(f'config {path} has the suffix {path.suffix!r}; it must be one of {", ".join(CONFIG_SUFFIXES)}')
    try:
        cfg = Config.fromfile(path)
    except ImportError as error:
        cause = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__
        if getattr(cause, 'name', None) in MODULES:
            raise UserError(f'config {path}: its custom_imports have an old import: {cause}') from error
        raise UserError(
            f'config {path}: its custom_imports cannot be imported ({error}); run from the folder that holds the '
            'package with PYTHONPATH=. in front of the command, or install the package'
        ) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is this call
        lines = [f'{frame.filename}, line {frame.lineno}' for frame in frames if frame.name == '<module>']
        where = f' ({lines[0]})' if lines else ''
        raise UserError(f'config {path} cannot be parsed{where}: {type(error).__name__}: {error}') from error
    if not len(cfg):
        raise UserError(f'config {path} is empty; write one, or give another')
    return cfg


def set_work_dir(cfg: Config, work_dir: str | None = None) -> None:
    """Folder of the run: the argument, else the config's, else ``./work_dirs/<config name>`` as mmseg has it."""
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif cfg.get('work_dir') is None:
        name = Path(cfg.filename).stem if cfg.filename else 'unnamed'
        cfg.work_dir = f'./work_dirs/{name}'


def set_seed(cfg: Config, seed: int | None = None) -> None:
    """Seed of the run: the argument, else the config's ``randomness.seed``, else 0; never none."""
    randomness = dict(cfg.get('randomness') or {})
    if seed is None:
        seed = randomness.get('seed')
    require(SEED, 'seed', seed)
    randomness['seed'] = DEFAULT_SEED if seed is None else seed
    cfg.randomness = randomness


def enable_amp(cfg: Config, dtype: str | None = None) -> None:
    """Switch every optimiser wrapper of a config to mixed precision.

    float16 (the default with a GPU) needs a loss scaler; bfloat16 needs none and is the only kind that a CPU has.

    Args:
        cfg: Config; ``optim_wrapper`` is one wrapper, or one for each name beside a ``constructor``.
        dtype: ``float16`` or ``bfloat16``; the device's default if None.

    Raises:
        UserError: If the config has no optimiser wrapper, or float16 is asked for without a GPU.
    """
    on_gpu = torch.cuda.is_available()
    dtype = dtype or ('float16' if on_gpu else 'bfloat16')
    if dtype not in ('float16', 'bfloat16'):
        raise UserError(f'mixed precision {dtype!r} is unknown; use float16 or bfloat16')
    if dtype == 'float16' and not on_gpu:
        raise UserError('float16 mixed precision needs a GPU; use bfloat16 on the CPU')
    wrappers = _optim_wrappers(cfg)
    if not wrappers:
        raise UserError('mixed precision was asked for, but the config has no optim_wrapper with an optimizer')
    for wrapper in wrappers:
        for option in ('dtype', 'loss_scale'):
            wrapper.pop(option, None)
        wrapper.update(type='SyncAmpOptimWrapper' if dtype == 'float16' else 'SyncOptimWrapper', dtype=dtype)


def check_schedules(cfg: Config) -> None:
    """Refuse schedules by optimiser that leave an optimiser out or name one that the config does not have.

    mmengine answers the first with a bare KeyError and the second not at all.

    Raises:
        UserError: As above; names the optimisers.
    """
    schedules, wrappers = cfg.get('param_scheduler'), cfg.get('optim_wrapper') or {}
    if not isinstance(schedules, dict) or 'type' in schedules or 'optimizer' in wrappers:
        return
    named = [name for name, value in wrappers.items() if isinstance(value, dict) and 'optimizer' in value]
    missing = [name for name in named if name not in schedules]
    unknown = [name for name in schedules if name not in wrappers]  # one that is set to None may keep its schedule
    if missing or unknown:
        raise UserError(
            f'param_scheduler of config {cfg.filename} has '
            + ' and '.join(
                f'{what} {", ".join(names)}'
                for what, names in (('no entry for the optimiser', missing), ('an entry for the unknown', unknown))
                if names
            )
            + f'; give one for each of {", ".join(named)}, [] for a constant learning rate'
        )


def add_hooks(cfg: Config) -> None:
    """Give a run the hooks that mmuda's promises rest on where its config, e.g. one of mmseg's, does not name them.

    Those are the guard of checkpoints (with the config's ``load_skip``), the seeding by iteration that makes a resume
    exact, and the summary; and checkpoints are written whole or not at all.
    """
    hooks = list(cfg.get('custom_hooks') or [])
    named = {hook['type'] for hook in hooks if isinstance(hook, dict)}
    hooks += [dict(type=name) for name in REQUIRED_HOOKS if name not in named]
    for hook in hooks:
        if isinstance(hook, dict) and hook['type'] == 'CheckpointGuardHook' and cfg.get('load_skip'):
            hook['load_skip'] = cfg.load_skip
    cfg.custom_hooks = hooks
    cfg.default_hooks = cfg.get('default_hooks') or {}
    # mmengine's own default, one checkpoint an epoch, where the config says nothing.
    checkpoint = cfg.default_hooks.setdefault('checkpoint', dict(type='CheckpointHook', interval=1))
    if checkpoint and checkpoint.get('type') == 'CheckpointHook':
        checkpoint['type'] = 'ResumableCheckpointHook'


def set_model_wrapper(cfg: Config) -> None:
    """Let several processes train a config that does not say how, e.g. one of mmseg's.

    mmengine's default wrapper needs a GPU and a single optimiser. Ours leaves gradients to the optimiser wrappers, so
    plain ones become those that average over processes.
    """
    cfg.setdefault('model_wrapper_cfg', dict(type=GRAD_SYNC_WRAPPER))
    if cfg.model_wrapper_cfg.type not in ('GradSyncWrapper', GRAD_SYNC_WRAPPER):
        return
    cfg.model_wrapper_cfg.type = GRAD_SYNC_WRAPPER
    for wrapper in _optim_wrappers(cfg):
        averaging = AVERAGING_WRAPPERS.get(wrapper.get('type', 'OptimWrapper'))
        if averaging is not None:
            wrapper['type'] = averaging


def _optim_wrappers(cfg: Config) -> list[ConfigDict]:
    config = cfg.get('optim_wrapper') or {}
    if 'optimizer' in config:
        return [config]
    return [value for value in config.values() if isinstance(value, dict) and 'optimizer' in value]
