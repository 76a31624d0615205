"""A Runner that trains toy networks in a second, and hooks that watch it."""

from __future__ import annotations

import copy
import uuid
from importlib import import_module

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmuda.apis.prepare import GRAD_SYNC_WRAPPER
from mmuda.registry import HOOKS
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
import_module('mmuda.testing')  # the toy types that configs name


class KilledError(Exception):
    """Stands for the kill of a process."""


@HOOKS.register_module(force=True)
class KillHook(Hook):
    """Kills the run when ``at`` iterations are done, after their checkpoint."""

    def __init__(self, at: int) -> None:
        self.at = at

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        if runner.iter == self.at:
            raise KilledError


@HOOKS.register_module(force=True)
class MovesHook(Hook):
    """Records what each optimiser's step changes.

    Attributes:
        moves: For each step ``(iteration, name of the optimiser, names of the parameters that it changed)``.
    """

    def __init__(self) -> None:
        self.moves: list[tuple[int, str, set[str]]] = []

    def before_train(self, runner) -> None:
        for name, wrapper in runner.optim_wrapper.items():
            self._watch(runner, name, wrapper.optimizer)

    def _watch(self, runner, name: str, optimizer: torch.optim.Optimizer) -> None:
        model = runner.model
        before = {}

        def remember(*_) -> None:
            before.update({key: p.detach().clone() for key, p in model.named_parameters()})

        def compare(*_) -> None:
            changed = {key for key, p in model.named_parameters() if not torch.equal(p, before[key])}
            self.moves.append((runner.iter, name, changed))

        optimizer.register_step_pre_hook(remember)
        optimizer.register_step_post_hook(compare)


@HOOKS.register_module(force=True)
class ForwardsHook(Hook):
    """Counts the forwards of submodules, by iteration.

    Attributes:
        counts: ``{iteration: {path: number of forwards}}``.
    """

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.counts: dict[int, dict[str, int]] = {}

    def before_train(self, runner) -> None:
        def count(path: str):
            def add(*_) -> None:
                if runner.iter in self.counts:
                    self.counts[runner.iter][path] += 1

            return add

        for path in self.paths:
            runner.model.get_submodule(path).register_forward_hook(count(path))

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self.counts[runner.iter] = dict.fromkeys(self.paths, 0)


def optimizer(kind: str = 'Adam', **kwargs) -> dict:
    """Config of an optimiser that moves toy networks visibly."""
    return dict(type=kind, lr=1e-2, **kwargs)


def streams(**further: dict) -> dict:
    """Config of the two streams and further ones."""
    return dict(
        type='UDADataset', source=dict(type='ToyDataset'), target=dict(type='ToyDataset', labelled=False, gain=0.5),
        **further,
    )  # fmt: skip


def config(model: dict, stages: list[dict], optimizers: dict, dataset: dict | None = None, **runner) -> dict:
    """Config of a run of a toy model; ``runner`` are further keys of the Runner."""
    return dict(
        model=model,
        optim_wrapper=dict(constructor='NamedOptimWrapperConstructor', **optimizers),
        train_dataloader=dict(
            batch_size=2, num_workers=0, sampler=dict(type='DrawSampler'), dataset=dataset or streams()
        ),
        train_cfg=dict(type='StagedTrainLoop', stages=stages),
        **runner,
    )


def build_runner(cfg: dict, work_dir, hooks: tuple[Hook, ...] = (), save_at: int = 1000, **overrides) -> Runner:
    """The Runner of a config with the hooks of every run, and ``hooks`` besides; saves every ``save_at`` iterations."""
    complete = dict(
        default_scope='mmuda',
        experiment_name=f'toy_{uuid.uuid4().hex[:8]}',
        randomness=dict(seed=3),
        log_level='ERROR',
        log_processor=dict(by_epoch=False),
        model_wrapper_cfg=dict(type=GRAD_SYNC_WRAPPER),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=100, log_metric_by_epoch=False),
            checkpoint=dict(
                type='ResumableCheckpointHook',
                by_epoch=False,
                interval=save_at,
                save_last=False,
            ),
        ),
        custom_hooks=[dict(type='IterSeedHook'), dict(type='CheckpointGuardHook')],
        work_dir=str(work_dir),
    )
    complete.update(copy.deepcopy(cfg))
    complete.update(overrides)
    runner = Runner.from_cfg(Config(complete))
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def state_of(runner: Runner) -> dict:
    """Weights, buffers and optimisers of a run."""
    return dict(model=runner.model.state_dict(), optimizers=runner.optim_wrapper.state_dict())
