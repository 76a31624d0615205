"""What happens in a training step: the plan's steps, each with its forward, losses and update."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from mmengine.optim import OptimWrapper
from torch import Tensor

from mmuda.utils.errors import NonFiniteError, UserError
from mmuda.utils.ranks import average_norm_statistics

from .plan import Step
from .staged_model import StagedModel
from .update import located, update_params, wrappers_of


class PlanExecutor(StagedModel):
    """Base of every wrapper that trains networks by a plan.

    A subclass provides its terms and the phases in which each gives losses (``phases``), the streams that these read
    (``streams_of``), the forwards that steps share (:meth:`build_context`), and the losses themselves (:meth:`losses`).
    This class handles weights, freezing and updates; :class:`StagedModel` handles stages.
    """

    @abstractmethod
    def build_context(self, batch: dict, names: list[str], autocast: Callable[[], AbstractContextManager]) -> Any:
        """The forwards that steps with the losses ``names`` share; must offer ``detach()``."""

    @abstractmethod
    def losses(self, term: str, phase: str, context: Any) -> dict[str, Tensor]:
        """Losses (named with ``loss``) and logged scalars of one term in one phase."""

    def after_plan(self) -> None:
        """Called at the end of each iteration that has updated something (EMA)."""

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One iteration: every step of the plan in its order.

        Returns:
            Scalars to log, in main memory: ``<term>.<loss>`` and ``<step>.loss``.
        """
        batch = self.data_preprocessor(data, training=True)
        available = self.available_losses(self.stage)
        steps = [step for step in self.steps(self.stage) if step.names(available)]
        log, context, detached, spent, updated = {}, None, None, False, False
        for i, step in enumerate(steps):
            if self.iteration % step.every:
                continue
            wrappers = wrappers_of(step, optim_wrapper)
            self.trainable.freeze_all_but(step, self.stage, wrappers)
            for _ in range(step.repeat):
                # A backward frees its graph, so training through it again needs a new forward.
                if context is None or step.forward == 'fresh' or (spent and not step.detach):
                    context, detached, spent = self._forward(steps[i:], batch, available, wrappers), None, False
                if step.detach:
                    detached = detached or context.detach()
                with located(step, self.iteration, batch):
                    values, stepped = self._update(step, detached if step.detach else context, available, wrappers)
                log.update(values)
                updated |= stepped
                if not step.detach:
                    detached, spent = None, True
        self.trainable.unfreeze()
        average_norm_statistics(self)
        if updated:
            self.after_plan()
        return log

    def _forward(self, steps: list[Step], batch: dict, available: list[str], wrappers: list[OptimWrapper]) -> Any:
        """A context for the first step and the following ones that reuse its forward."""
        names = steps[0].names(available)
        for step in steps[1:]:
            if step.forward == 'fresh':
                break
            names += step.names(available)
        return self.build_context(batch, names, lambda: wrappers[0].optim_context(self))

    def compute_losses(self, name: str, context: Any) -> dict[str, Tensor]:
        """Values of ``term.phase`` by log name; losses are multiplied by the stage's factor."""
        term, _, phase = name.rpartition('.')
        factor = self.stage.weight(name, self.iteration)
        values = self.losses(term, phase, context)
        return {f'{term}.{key}': value * factor if 'loss' in key else value for key, value in values.items()}

    def _update(
        self, step: Step, context: Any, available: list[str], wrappers: list[OptimWrapper]
    ) -> tuple[dict[str, Tensor], bool]:
        log = {}
        for name in step.names(available):
            log.update(self.compute_losses(name, context))
        losses = {key: value for key, value in log.items() if 'loss' in key.rpartition('.')[2]}
        if not losses:
            raise UserError(
                f"Step '{step.name}': {step.names(available)} returned no loss, only {sorted(log)}; a term's loss must "
                "have 'loss' in its name."
            )
        total = sum(losses.values())
        whole = f'{step.name}.loss'

        def check(values: dict[str, Tensor]) -> None:
            if not math.isfinite(values[whole].item()):
                refuse_losses({key: values[key] for key in losses})

        stepped, values = update_params(wrappers, total, {**log, whole: total}, check)
        return values, stepped


def refuse_losses(losses: dict[str, Tensor]) -> None:
    """Raise the NonFiniteError of a step whose losses do not have a finite sum."""
    bad = {key: value.item() for key, value in losses.items() if not math.isfinite(value.item())}
    raise NonFiniteError(', '.join(f'{k} = {v}' for k, v in (bad or {'the sum of losses': 'overflow'}).items()))
