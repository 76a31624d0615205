"""Executes an update plan: freezing, forwards, losses, finiteness, optimiser steps."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from mmengine.dist import get_dist_info
from mmengine.logging import MessageHub, print_log
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from mmuda.utils.errors import NonFiniteError
from mmuda.utils.patterns import matches, select
from mmuda.utils.ranks import average_norm_statistics

from .plan import DEFAULT_PLAN, Stage, Step


class PlanExecutor(BaseModel):
    """Base of every wrapper that trains networks by a plan.

    A subclass offers named losses (:meth:`available_losses`, :meth:`compute_losses`) on a context of shared forwards
    (:meth:`build_context`); this class orders them into steps.

    Args:
        plan: Steps, see :class:`Step`; None for all generators, then all discriminators.
        data_preprocessor: Config of the data preprocessor.
    """

    # Names of terms that a config takes out of what it inherits; its stages may go on naming them.
    left_out: frozenset[str] | set[str] = frozenset()

    def __init__(self, plan: list[dict] | None = None, data_preprocessor: dict | nn.Module | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.plan = tuple(Step.from_cfg(step) for step in plan or DEFAULT_PLAN)
        self.stage = Stage()
        self._trained: dict[tuple[str, ...], list[bool]] | None = None
        self._frozen_by_build: list[bool] | None = None
        self._updated = False

    # What a subclass gives.

    @abstractmethod
    def active_terms(self, stage: Stage) -> list[str]:
        """Names of the terms that a stage uses; refuses, by ValueError, a stage that names others."""

    @abstractmethod
    def available_losses(self, stage: Stage) -> list[str]:
        """Names ``term.phase`` that the stage offers."""

    @abstractmethod
    def build_context(self, batch: dict, names: list[str], autocast: Callable[[], AbstractContextManager]) -> Any:
        """The shared forwards of steps that read the losses ``names``; must offer ``detach()``."""

    @abstractmethod
    def compute_losses(self, name: str, context: Any) -> dict[str, Tensor]:
        """Losses and logged scalars of one ``term.phase``, by log name."""

    def after_plan(self) -> None:
        """Called after the last step of an iteration that has updated something (EMA)."""

    # The plan.

    def set_stage(self, stage: Stage | dict) -> None:
        """Make a stage the current one; called by the loop at the stage's first iteration and on resume."""
        stage = Stage.from_cfg(stage)
        self.check_stage(stage)
        self.stage = stage
        self._trained = None

    def check_stage(self, stage: Stage) -> None:
        """Refuse a stage that cannot run.

        Raises:
            ValueError: Naming the stage, the value and the remedy.
        """
        available = self.available_losses(stage)
        if not any(step.names(available) for step in self.steps(stage)):
            raise ValueError(
                f"Stage '{stage.name}' has nothing to train: its plan asks for "
                f'{[list(step.losses) for step in self.steps(stage)]}, its terms offer {available}.'
            )
        self._check_weights(stage)
        names = [name for name, _ in self.named_parameters()]
        if stage.trainable is not None:
            select(names, stage.trainable, f"Stage '{stage.name}', trainable")

    def _check_weights(self, stage: Stage) -> None:
        """Refuse a weight of a loss that there is not: it would silently count for nothing."""
        every = self.available_losses(Stage())
        unknown = [
            name
            for name in stage.weights
            if name.partition('.')[0] not in self.left_out and not any(matches(loss, name) for loss in every)
        ]
        if unknown:
            raise ValueError(f"Stage '{stage.name}' names the terms {unknown} in its weights; the losses are {every}.")

    def weight_of(self, name: str) -> float:
        """Factor of the losses ``term.phase`` in the current stage at the current iteration."""
        return self.stage.weight(name, MessageHub.get_current_instance().get_info('iter', 0))

    def check_optimizers(self, stage: Stage, optim_wrapper: OptimWrapper) -> None:
        """Refuse a stage whose steps have no optimiser, or nothing to train with it; before the first iteration.

        Raises:
            ValueError: Naming the step, the stage and the remedy.
        """
        available = self.available_losses(stage)
        steps = [step for step in self.steps(stage) if step.names(available)]
        if not isinstance(optim_wrapper, OptimWrapperDict) and len({step.optimizers for step in steps}) > 1:
            raise ValueError(
                f"The plan of stage '{stage.name}' trains with {sorted({n for s in steps for n in s.optimizers})}, but "
                'optim_wrapper is a single one, which would train the discriminators on the losses of the generators; '
                "give one for each name and constructor='NamedOptimWrapperConstructor'."
            )
        accumulates, owners = False, {}
        for step in steps:
            wrappers = self._wrappers(step, optim_wrapper)
            self._join(step, wrappers)
            accumulating = any(wrapper._accumulative_counts > 1 for wrapper in wrappers)
            if accumulating and step.forward == 'fresh' and step is not steps[0]:
                print_log(
                    f"Stage '{stage.name}': step '{step.name}' forwards anew after an update, so with accumulated "
                    'gradients most of its forwards see the weights before it, unlike those of a larger batch.',
                    logger='current',
                    level=logging.WARNING,
                )
            accumulates |= accumulating
            for i, trained in enumerate(self._trained_by(step, stage, wrappers)):
                if trained:
                    owners.setdefault(i, set()).add(step.optimizers)
        shared = next((names for names in owners.values() if len(names) > 1), None)
        if accumulates and shared:
            raise ValueError(
                f"In stage '{stage.name}' the optimisers {sorted(shared)} train the same parameters in different steps "
                'and accumulate gradients (accumulative_counts): each would step on the gradients of the other too. '
                'Set accumulative_counts=1, or give each its own parameters.'
            )

    @staticmethod
    def _join(step: Step, wrappers: list[OptimWrapper]) -> None:
        """Let optimisers that step from one backward pass share its scale, or refuse them."""
        if len(wrappers) == 1:
            return
        kinds = {(wrapper._accumulative_counts, hasattr(wrapper, 'loss_scaler')) for wrapper in wrappers}
        if len(kinds) > 1:
            raise ValueError(
                f"Step '{step.name}' updates {list(step.optimizers)} from one backward pass, but they differ in "
                'accumulative_counts or in float16; give them the same.'
            )
        accumulates, has_scaler = kinds.pop()
        if has_scaler and (accumulates > 1 or not all(hasattr(w, 'share_loss_scaler') for w in wrappers)):
            raise ValueError(
                f"Step '{step.name}' updates {list(step.optimizers)} from one backward pass in float16 and needs one "
                "loss scale for them: give them type='SyncAmpOptimWrapper' and accumulative_counts=1 (the scale may "
                'change while gradients wait), or train in bfloat16 (--amp-dtype bfloat16).'
            )
        for wrapper in wrappers[1:] if has_scaler else []:
            wrapper.share_loss_scaler(wrappers[0])

    def count_backwards(self, stage: Stage, first: int, last: int) -> Counter[str]:
        """Backward passes by optimiser in the iterations ``first`` to ``last - 1`` of the run, all within ``stage``."""
        available, counts = self.available_losses(stage), Counter()
        for step in self.steps(stage):
            if step.names(available):
                due = (last - 1) // step.every - (first - 1) // step.every
                counts.update({name: due * step.repeat for name in step.optimizers})
        return counts

    def steps(self, stage: Stage) -> tuple[Step, ...]:
        """The plan in force in a stage."""
        return stage.plan or self.plan

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One iteration: every step of the plan in its order.

        Returns:
            Detached scalars to log: ``<term>.<loss>`` and ``<step>.loss``.
        """
        batch = self.data_preprocessor(data, training=True)
        iteration = MessageHub.get_current_instance().get_info('iter', 0)
        available = self.available_losses(self.stage)
        steps = [step for step in self.steps(self.stage) if step.names(available)]
        log, context, detached, spent = {}, None, None, False
        self._updated = False
        for i, step in enumerate(steps):
            if iteration % step.every:
                continue
            wrappers = self._wrappers(step, optim_wrapper)
            self._freeze_all_but(step, wrappers)
            for _ in range(step.repeat):
                # A graph is freed by its backward, so what trains through it again needs a new forward.
                if context is None or step.forward == 'fresh' or (spent and not step.detach):
                    context, detached, spent = self._fresh_context(steps, i, batch, available, wrappers), None, False
                if step.detach:
                    detached = detached or context.detach()
                with self._locating(step, iteration, batch):
                    log.update(self._update(step, detached if step.detach else context, available, wrappers))
                if not step.detach:
                    detached, spent = None, True
        self._unfreeze()
        average_norm_statistics(self)
        if self._updated:
            self.after_plan()
        return log

    def _fresh_context(
        self, steps: list[Step], i: int, batch: dict, available: list[str], wrappers: list[OptimWrapper]
    ) -> Any:
        """A context for step i and the steps after it that reuse its forward."""
        names = steps[i].names(available)
        for step in steps[i + 1 :]:
            if step.forward == 'fresh':
                break
            names += step.names(available)
        return self.build_context(batch, names, lambda: wrappers[0].optim_context(self))

    def _update(
        self, step: Step, context: Any, available: list[str], wrappers: list[OptimWrapper]
    ) -> dict[str, Tensor]:
        log = {}
        for name in step.names(available):
            log.update(self.compute_losses(name, context))
        losses = {key: value for key, value in log.items() if 'loss' in key.rpartition('.')[2]}
        if not losses:
            raise ValueError(
                f"Step '{step.name}': {step.names(available)} returned no loss, only {sorted(log)}; a term's loss must "
                "have 'loss' in its name."
            )
        total = sum(losses.values())
        if not torch.isfinite(total):
            bad = {key: value.item() for key, value in losses.items() if not torch.isfinite(value)}
            raise NonFiniteError(', '.join(f'{k} = {v}' for k, v in (bad or {'the sum of losses': 'overflow'}).items()))
        self._updated |= update_params(wrappers, total)
        return {**{key: value.detach() for key, value in log.items()}, f'{step.name}.loss': total.detach()}

    @staticmethod
    @contextmanager
    def _locating(step: Step, iteration: int, batch: dict) -> Iterator[None]:
        """Let an error say where it happened, and on which samples."""
        try:
            yield
        except NonFiniteError as error:
            rank, size = get_dist_info()
            culprit = rank if error.rank is None else error.rank
            samples = f'its samples were {describe_samples(batch)}' if culprit == rank else 'it names its samples'
            raise NonFiniteError(
                f"Iteration {iteration + 1}, step '{step.name}'{f', rank {culprit}' if size > 1 else ''}: {error}. The "
                f'parameters are as before this step; {samples}. Lower the learning rate or the weight of this term, '
                'clip gradients, or look at these files.',
                error.rank,
            ) from None

    # What is trained.

    @staticmethod
    def _wrappers(step: Step, optim_wrapper: OptimWrapper) -> list[OptimWrapper]:
        if not isinstance(optim_wrapper, OptimWrapperDict):
            return [optim_wrapper]
        missing = [name for name in step.optimizers if name not in optim_wrapper]
        if missing:
            raise ValueError(
                f"Step '{step.name}' of the plan names the optimisers {missing}, but optim_wrapper has "
                f'{list(optim_wrapper.keys())}; add them there or name one of these.'
            )
        return [optim_wrapper[name] for name in step.optimizers]

    def _freeze_all_but(self, step: Step, wrappers: list[OptimWrapper]) -> None:
        """Let exactly the parameters of this step's optimisers need gradients, within the stage's trainable ones."""
        if self._trained is None:
            self._trained = {}
        if step.optimizers not in self._trained:
            self._trained[step.optimizers] = self._trained_by(step, self.stage, wrappers)
        for parameter, trained in zip(self.parameters(), self._trained[step.optimizers], strict=True):
            parameter.requires_grad_(trained)

    def _unfreeze(self) -> None:
        """Leave what needs gradients as it was built: other code (optimisers, a second run) reads it from here."""
        if self._frozen_by_build is not None:
            for parameter, frozen in zip(self.parameters(), self._frozen_by_build, strict=True):
                parameter.requires_grad_(not frozen)

    def _trained_by(self, step: Step, stage: Stage, wrappers: list[OptimWrapper]) -> list[bool]:
        """Whether a step in a stage trains a parameter, for all of them.

        Raises:
            ValueError: If it trains none.
        """
        parameters = dict(self.named_parameters())
        if self._frozen_by_build is None:
            self._frozen_by_build = [not p.requires_grad for p in parameters.values()]
        owned = {id(p) for wrapper in wrappers for group in wrapper.optimizer.param_groups for p in group['params']}
        allowed = set(parameters)
        if stage.trainable is not None:
            allowed = set(select(parameters, stage.trainable, f"Stage '{stage.name}', trainable"))
        trained = [
            id(p) in owned and name in allowed and not frozen
            for (name, p), frozen in zip(parameters.items(), self._frozen_by_build, strict=True)
        ]
        if not any(trained):
            raise ValueError(
                f"Step '{step.name}' in stage '{stage.name}' trains nothing: the optimisers "
                f'{list(step.optimizers)} own none of its trainable parameters ({stage.trainable}).'
            )
        return trained


def update_params(wrappers: list[OptimWrapper], loss: Tensor) -> bool:
    """One backward, then a step of each wrapper that is due (gradient accumulation counts each once).

    Gradient reversal trains segmentor and discriminator from one backward pass, hence several wrappers. All gradients
    are checked before one of them steps.

    Returns:
        Whether any has stepped.
    """
    first, *others = wrappers
    first.backward(first.scale_loss(loss))
    for wrapper in others:
        wrapper._inner_count += 1
    due = [wrapper for wrapper in wrappers if wrapper.should_update()]
    for wrapper in due:
        if hasattr(wrapper, 'prepare'):
            wrapper.prepare()
    for wrapper in due:
        # Wrappers that share a loss scaler adjust it once, after the last.
        shared = hasattr(wrapper, 'loss_scaler') and wrapper is not due[-1]
        wrapper.step(**(dict(update_scale=False) if shared else {}))
        wrapper.zero_grad()
    return bool(due)


def describe_samples(batch: dict[str, dict]) -> str:
    """Files and windows of a batch by stream, for an error message."""
    streams = []
    for stream, content in batch.items():
        files = []
        for sample in content.get('data_samples') or []:
            window = sample.get('window')
            files.append(f'{sample.get("img_path")}{f" at {tuple(window)}" if window is not None else ""}')
        streams.append(f'{stream}: {", ".join(files)}')
    return '; '.join(streams)
