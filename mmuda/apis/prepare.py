"""Turns a config as written into one that can run: all omitted values are filled in here, and only here."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from mmuda.apis.config_check import check_config
from mmuda.apis.config_defaults import place_schedules
from mmuda.apis.counts import fill_counts
from mmuda.apis.source_free import take_classes
from mmuda.apis.start import Start
from mmuda.checkpoints.weights import use_weights_dir
from mmuda.engine.tensorboard import require_tensorboard
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import SEED, require
from mmuda.utils.setup_env import register_all_modules

# A run without a given seed must still be repeatable and resume exactly.
DEFAULT_SEED = 0
# What mmengine registers in every run, by its name in `default_hooks`.
MMENGINES_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
REQUIRED_HOOKS = ('CheckpointGuardHook', 'IterSeedHook', 'SummaryHook')
# The Runner looks up a wrapper's class in mmengine's root registry, which does not find grandchildren by bare name.
GRAD_SYNC_WRAPPER = 'mmseg.mmuda.GradSyncWrapper'
# mmengine's optimiser wrappers, and our counterparts that average gradients over processes.
AVERAGING_WRAPPERS = {'OptimWrapper': 'SyncOptimWrapper', 'AmpOptimWrapper': 'SyncAmpOptimWrapper'}


def prepare(
    cfg: Config,
    work_dir: str | os.PathLike | None = None,
    seed: int | None = None,
    amp: bool | str = False,
    launcher: str = 'none',
    start: Start | None = None,
    tta: bool = False,
    hooks: Sequence[dict] = (),
) -> Config:
    """Fill in everything that a config leaves to the data and to mmuda; preparing it again changes nothing.

    It fills in numbers of classes and channels (:func:`fill_counts`), the data preprocessor of an adaptation, the work
    directory, the seed, and weights found in ``MMUDA_WEIGHTS_DIR``. It also adds the hooks and wrappers needed for
    resuming and for several processes. No image is read and nothing is written.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`; it is not changed.
        work_dir: Folder of the run; the config's, else ``./work_dirs/<config name>``.
        seed: Seed of every random choice; the config's, else 0.
        amp: Mixed precision: ``True`` for the device's kind, or ``'float16'`` / ``'bfloat16'``.
        launcher: ``none``, ``pytorch`` or ``slurm``.
        start: Where the weights come from, and whether to resume; None leaves it to the config.
        tta: Test with the config's ``tta_pipeline``, averaged by its ``tta_model``.
        hooks: Configs of additional hooks.

    Returns:
        The complete config, as stored in the work directory and in checkpoints.

    Raises:
        UserError: If something in the config is wrong or missing.

    Example:
        >>> cfg = prepare(load_config('configs/srda/srda_resaspp_synthetic.py'))
        >>> model = MODELS.build(cfg.model)
    """
    register_all_modules()
    cfg = copy.deepcopy(cfg)
    check_config(cfg)
    cfg.launcher = launcher
    cfg.work_dir = folder_of(cfg, work_dir)
    _set_seed(cfg, seed)
    if amp:
        _enable_amp(cfg, amp if isinstance(amp, str) else None)
    _check_schedules(cfg)
    place_schedules(cfg)
    place_schedules(cfg)
    if start is not None:
        _set_start(cfg, start)
        if start.checkpoint is not None:
            take_classes(cfg, start.checkpoint)
    _complete_model(cfg)
    if tta:
        _enable_tta(cfg)
    _add_hooks(cfg, hooks)
    _add_tensorboard(cfg)
    if launcher != 'none':
        _set_model_wrapper(cfg)
    return cfg


def folder_of(cfg: Config, work_dir: str | os.PathLike | None = None) -> str:
    """Folder of a run: the argument, else the config's, else ``./work_dirs/<config name>`` as mmseg has it."""
    if work_dir is not None:
        return str(work_dir)
    if cfg.get('work_dir') is not None:
        return cfg.work_dir
    return f'./work_dirs/{Path(cfg.filename).stem if cfg.filename else "unnamed"}'


def _set_seed(cfg: Config, seed: int | None) -> None:
    """The argument, else the config's ``randomness.seed``, else 0; never None."""
    randomness = dict(cfg.get('randomness') or {})
    if seed is None:
        seed = randomness.get('seed')
    require(SEED, 'seed', seed)
    randomness['seed'] = DEFAULT_SEED if seed is None else seed
    cfg.randomness = randomness


def _set_start(cfg: Config, start: Start) -> None:
    cfg.resume = start.resume
    if start.checkpoint is not None:
        cfg.load_from = start.checkpoint
    # A resumed run must draw the same samples. mmengine restores its seed too late, after the loaders were built.
    own = cfg.randomness.seed
    if start.resume and isinstance(start.seed, int) and start.seed != own:
        message = f"resume: the seed is {start.seed} in the checkpoint and {own} in the config; the checkpoint's counts"
        print_log(message, logger='current', level=logging.WARNING)
        cfg.randomness.seed = start.seed


def _complete_model(cfg: Config) -> None:
    """Counts, the preprocessor, and weights from ``MMUDA_WEIGHTS_DIR``."""
    fill_counts(cfg)
    model = cfg.get('model')
    # Bases of mmseg put their preprocessor at the top level, and the Runner gives it to any model that has none. An
    # adaptation needs one that handles streams.
    if isinstance(model, dict) and 'segmentor' in model:
        model.setdefault('data_preprocessor', dict(type='UDADataPreprocessor'))
    use_weights_dir(model)


def _enable_tta(cfg: Config) -> None:
    missing = [name for name in ('tta_pipeline', 'tta_model') if not cfg.get(name)]
    if missing:
        raise UserError(f'--tta needs {" and ".join(missing)} in config {cfg.filename}')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model


def _enable_amp(cfg: Config, dtype: str | None) -> None:
    """Switch every optimiser wrapper to mixed precision.

    float16 (the default with a GPU) needs a loss scaler; bfloat16 needs none and is the only kind that a CPU has.
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


def _check_schedules(cfg: Config) -> None:
    """Refuse schedules per optimiser that omit an optimiser or name one that the config does not have.

    mmengine raises a bare KeyError for the first and ignores the second.
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


def _add_hooks(cfg: Config, more: Sequence[dict]) -> None:
    """Add the given hooks, and those that mmuda's guarantees need where a config (e.g. one from mmseg) lacks them.

    The latter guard checkpoints (with the config's ``load_skip``), seed each iteration so that a resume is exact, and
    write the summary. Checkpoints are also written whole or not at all.
    """
    hooks = [*(cfg.get('custom_hooks') or []), *more]
    named = {hook['type'] for hook in hooks if isinstance(hook, dict)}
    hooks += [dict(type=name) for name in REQUIRED_HOOKS if name not in named]
    for hook in hooks:
        if isinstance(hook, dict) and hook['type'] == 'CheckpointGuardHook' and cfg.get('load_skip'):
            hook['load_skip'] = cfg.load_skip
    cfg.custom_hooks = hooks
    cfg.default_hooks = cfg.get('default_hooks') or {}
    # mmengine's default where the config says nothing: one checkpoint per epoch.
    cfg.default_hooks.setdefault('checkpoint', dict(type='CheckpointHook', interval=1))
    checkpoint = cfg.default_hooks['checkpoint']  # a copy of what was set
    if checkpoint and checkpoint.get('type') == 'CheckpointHook':
        checkpoint['type'] = 'ResumableCheckpointHook'
    # None leaves out a hook of mmengine's; of further ones it would have to be built.
    cfg.default_hooks = {
        name: hook for name, hook in cfg.default_hooks.items() if hook is not None or name in MMENGINES_HOOKS
    }


def _add_tensorboard(cfg: Config) -> None:
    """Let ``tensorboard = True`` of a config write event files to ``WORK_DIR/tensorboard``."""
    if cfg.get('tensorboard') not in (True, False, None):
        raise UserError(f'tensorboard={cfg.tensorboard!r}; give True or False')
    visualizer = cfg.get('visualizer') or {}
    backends = visualizer.get('vis_backends') or []
    if any(isinstance(one, dict) and 'TensorboardVisBackend' in str(one.get('type')) for one in backends):
        require_tensorboard('TensorboardVisBackend of visualizer.vis_backends')
    if not cfg.get('tensorboard'):
        return
    require_tensorboard('tensorboard = True of the config')
    if not any(hook.get('type') == 'TensorBoardHook' for hook in cfg.custom_hooks if isinstance(hook, dict)):
        cfg.custom_hooks = [*cfg.custom_hooks, dict(type='TensorBoardHook')]
        events = dict(type='mmseg.mmuda.TensorBoardBackend', save_dir=os.path.join(cfg.work_dir, 'tensorboard'))
        own = visualizer or dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
        cfg.visualizer = {**own, 'vis_backends': [*(own.get('vis_backends') or []), events]}


def _set_model_wrapper(cfg: Config) -> None:
    """Let several processes train a config without a distributed set-up, e.g. one from mmseg.

    mmengine's default wrapper needs a GPU and a single optimiser. Ours leaves gradients to the optimiser wrappers, so
    plain wrappers are replaced by ones that average over processes.
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
