"""Cuts a config's training down to the few iterations that a check runs."""

import re
import time
from dataclasses import dataclass, field

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmuda.utils.errors import UserError

# The first iteration of a stage warms up (loader, memory, kernels); the others are timed.
STEPS = 3
NEVER = 10**9
# Top-level names of a config that mmuda or mmengine reads, in addition to the arguments of a Runner.
READ_BESIDES = ('custom_imports', 'default_scope', 'load_skip', 'model_wrapper_cfg', 'runner_type', 'tta_model')
READ_BESIDES += ('adaptation_steps', 'class_shares', 'tta_pipeline', 'test_pipeline', 'experiment_name', 'backend_args')
READ_BESIDES += ('tensorboard',)


@dataclass
class StageTiming:
    """Measurements of one stage.

    Attributes:
        name: Name of the stage.
        iters: Iterations of the stage in the config.
        seconds: Seconds per iteration, loading included.
        losses: Logged scalars of the last iteration.
    """

    name: str
    iters: int
    seconds: float = float('nan')
    losses: dict[str, float] = field(default_factory=dict)


class Probe(Hook):
    """Times iterations and keeps the last logged scalars of each stage.

    Args:
        stages: Filled in by this.
    """

    def __init__(self, stages: list[StageTiming]) -> None:
        self.stages = stages
        self._timed: list[float] = []
        self._last = 0.0

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # kernels run on after the call that started them has returned
        now = time.perf_counter()
        stage, step = divmod(runner.iter, STEPS)
        if step:
            self._timed.append(now - self._last)
        self._last = now
        if step + 1 < STEPS:
            return
        self.stages[stage].seconds = sum(self._timed) / len(self._timed)
        self.stages[stage].losses = {name: float(value) for name, value in (outputs or {}).items()}
        self._timed = []


def shorten(cfg: Config) -> list[StageTiming]:
    """Cut each stage to ``STEPS`` iterations, with one validation of a few batches and one checkpoint at the end.

    Args:
        cfg: Config of a training; changed in place.

    Returns:
        The stages with their real lengths.

    Raises:
        UserError: If the config does not say how long to train.
    """
    cfg.log_level = 'WARNING'
    hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items() if name != 'visualization'}
    if hooks.get('checkpoint'):
        hooks['checkpoint'] = {**hooks['checkpoint'], 'interval': NEVER, 'save_begin': 0, 'save_last': True}
    cfg.default_hooks = hooks
    for split in ('val', 'test'):
        if isinstance(cfg.get(f'{split}_dataloader'), dict):
            _take_few(cfg[f'{split}_dataloader'])
    train_cfg = cfg.get('train_cfg') or {}
    if not train_cfg.get('stages') and train_cfg.get('max_iters') is None:
        raise UserError(f'config {cfg.filename}: train_cfg has neither stages nor max_iters; say how long to train')
    train_cfg.update(val_begin=1, val_interval=NEVER)
    if not train_cfg.get('stages'):
        stages = [StageTiming('train', train_cfg.max_iters)]
        train_cfg.max_iters = STEPS
        return stages
    stages = [StageTiming(stage.get('name', str(i)), stage['iters']) for i, stage in enumerate(train_cfg.stages)]
    for stage in train_cfg.stages:
        stage.iters = STEPS
        if stage.get('pseudo_labels'):
            _take_few(stage.pseudo_labels.dataloader, each_raster=True)
    return stages


def _take_few(loader: dict, **options) -> None:
    """Make a loader read only the first and last batches, in this process."""
    loader.sampler = dict(type='EdgeSampler', batch_size=loader.get('batch_size') or 1, **options)
    loader.pop('batch_sampler', None)
    loader.update(num_workers=0, persistent_workers=False)
    loader.pop('prefetch_factor', None)


def unread_keys(cfg: Config, runner_keys: tuple[str, ...]) -> list[str]:
    """Top-level names of a config that nothing reads: no tool, and no other line of its files.

    Names defined in inherited files do not count, since other configs that inherit them may read them.

    Args:
        cfg: As loaded from its file.
        runner_keys: What a Runner reads.
    """
    text = cfg.text if isinstance(cfg.text, str) else ''
    own = text.rpartition(f'{cfg.filename}\n')[2]  # after the files that it inherits, each under its name
    return [
        key
        for key in cfg
        if key not in (*runner_keys, *READ_BESIDES)
        and len(re.findall(rf'\b{re.escape(key)}\b', text)) < 2
        and (re.search(rf'\b{re.escape(key)}\b', own) or key not in text)
    ]
