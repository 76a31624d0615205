"""What a model knows about the stages it trains in."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable

from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import nn

from . import checks
from .plan import DEFAULT_PLAN, Stage, Step
from .trainable import Trainable


class StagedModel(BaseModel):
    """Terms with their phases, the plan in force, the current stage; refuses stages that cannot run.

    Args:
        plan: Steps, see :class:`Step`; None for :attr:`default_plan`.
        data_preprocessor: Config of the data preprocessor.
    """

    default_plan: tuple[Step, ...] = DEFAULT_PLAN
    # Inherited terms that a config removes; its stages may still name them.
    left_out: frozenset[str] | set[str] = frozenset()

    def __init__(self, plan: list[dict] | None = None, data_preprocessor: dict | nn.Module | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.plan = tuple(Step.from_cfg(step) for step in plan or self.default_plan)
        self.stage = Stage()
        self.trainable = Trainable(self)

    @property
    @abstractmethod
    def phases(self) -> dict[str, tuple[str, ...]]:
        """Phases in which each term gives losses, by the term's name."""

    @abstractmethod
    def streams_of(self, names: list[str]) -> set[str]:
        """Streams of the loader that the losses ``term.phase`` read."""

    @property
    def iteration(self) -> int:
        """The iteration of the run, counted from 0; a resumed run continues the count."""
        return MessageHub.get_current_instance().get_info('iter', 0)

    def set_stage(self, stage: Stage | dict) -> None:
        """Make a stage the current one; called by the loop at the stage's first iteration and on resume."""
        stage = Stage.from_cfg(stage)
        self.check_stage(stage)
        self.stage = stage

    def check_stage(self, stage: Stage) -> None:
        """Refuse, by UserError, a stage that cannot run; see :mod:`.checks`."""
        checks.check_stage(self, stage)

    def check_streams(self, stage: Stage, streams: Iterable[str]) -> None:
        """Refuse, by UserError, a stage that reads a stream the loader does not provide."""
        checks.check_streams(self, stage, streams)

    def check_optimizers(self, stage: Stage, optim_wrapper: OptimWrapper) -> None:
        """Refuse, by UserError, a stage whose steps have no optimiser or nothing to train."""
        checks.check_optimizers(self, stage, optim_wrapper)

    def steps(self, stage: Stage) -> tuple[Step, ...]:
        """The plan in force in a stage."""
        return stage.plan or self.plan

    def active_terms(self, stage: Stage) -> list[str]:
        """Names of the terms that a stage uses."""
        return [name for name in (self.phases if stage.terms is None else stage.terms) if name in self.phases]

    def available_losses(self, stage: Stage) -> list[str]:
        """Names ``term.phase`` that the stage offers."""
        return [f'{term}.{phase}' for term in self.active_terms(stage) for phase in self.phases[term]]

    def count_backwards(self, stage: Stage, first: int, last: int) -> Counter[str]:
        """Backward passes by optimiser in the iterations ``first`` to ``last - 1`` of the run, all within ``stage``."""
        available, counts = self.available_losses(stage), Counter()
        for step in self.steps(stage):
            if step.names(available):
                due = (last - 1) // step.every - (first - 1) // step.every
                counts.update({name: due * step.repeat for name in step.optimizers})
        return counts
