"""The update plan and the stages, as a config writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields

from mmuda.utils.errors import UserError
from mmuda.utils.patterns import matches

from .weight_schedule import WeightSchedule, weight_from_cfg


def _known(cls: type, cfg: dict, what: str) -> None:
    names = {f.name for f in fields(cls)}
    unknown = sorted(set(cfg) - names)
    if unknown:
        raise UserError(f'{what} has unknown keys {unknown}; it may have {sorted(names)}.')
    missing = sorted({f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING} - set(cfg))
    if missing:
        raise UserError(f'{what} has no {", no ".join(missing)}; it has {sorted(cfg)}.')


@dataclass(frozen=True)
class Step:
    """One update: which losses, which optimisers, on which forward.

    Attributes:
        name: Name in the log.
        losses: Patterns over ``term.phase``, e.g. ``['*.segmentor']``.
        optimizers: Names of the optimisers that step. Parameters that they own and the stage leaves trainable are
            trained; all others are frozen during the forward and the backward.
        forward: ``'reuse'`` uses the forward of the previous step, ``'fresh'`` runs a new one.
        detach: Give the taps without a graph: for steps that train discriminators alone.
        every: Take the step only at iterations divisible by this. For n discriminator steps per segmentor step, set
            ``every=n`` on the segmentor's.
        repeat: Take the step this many times on the same batch.
    """

    name: str
    losses: tuple[str, ...]
    optimizers: tuple[str, ...]
    forward: str = 'reuse'
    detach: bool = False
    every: int = 1
    repeat: int = 1

    @classmethod
    def from_cfg(cls, cfg: dict | Step) -> Step:
        """Build and validate.

        Raises:
            UserError: Naming the key, its value and what is allowed.
        """
        if isinstance(cfg, Step):
            return cfg
        _known(cls, cfg, f"Step '{cfg.get('name')}' of the plan")
        step = cls(**{**cfg, 'losses': tuple(cfg['losses']), 'optimizers': tuple(cfg['optimizers'])})
        if step.forward not in ('fresh', 'reuse'):
            raise UserError(f"Step '{step.name}': forward={step.forward!r}; give 'fresh' or 'reuse'.")
        if step.every < 1 or step.repeat < 1:
            raise UserError(f"Step '{step.name}': every={step.every}, repeat={step.repeat}; both must be at least 1.")
        return step

    def names(self, available: list[str]) -> list[str]:
        """The available ``term.phase`` names whose losses this step backpropagates."""
        return [name for name in available if any(matches(name, pattern) for pattern in self.losses)]


# All losses of the segmentor in one step, then all discriminators on detached taps.
DEFAULT_PLAN = (
    Step(name='segmentor', losses=('*.segmentor',), optimizers=('segmentor',)),
    Step(name='discriminator', losses=('*.discriminator',), optimizers=('discriminator',), detach=True),
)


@dataclass(frozen=True)
class Stage:
    """A span of iterations.

    Attributes:
        name: Name in the log.
        iters: Length in iterations; None for the whole run.
        terms: Names of the active terms; None for all.
        weights: Factors of losses by pattern over ``term.phase`` (``'output'``, ``'output.segmentor'``); all factors
            whose pattern matches are multiplied; the default is 1. A factor is a number, or changes along the run:
            ``dict(start_factor=1.0, end_factor=0.0, begin=0, end=100_000)``, see :class:`WeightSchedule`.
        trainable: Patterns of the parameters that may be trained; ``'batch_norm'`` stands for the scale and shift of
            each batch norm of the segmentor. None for all.
        plan: Steps of this stage; None for the model's plan.
        train_dataloader: Overrides merged into the run's ``train_dataloader`` in this stage; ``{work_dir}`` in a
            string becomes the run's folder.
        pseudo_labels: Labels that the model predicts for the target at the stage's start, see
            :class:`mmuda.engine.runner.pseudo_labels.PseudoLabels`; they are stored in ``{work_dir}/pseudo_labels/<name
            of the stage>``.
    """

    name: str = 'train'
    iters: int | None = None
    terms: tuple[str, ...] | None = None
    weights: dict[str, float | WeightSchedule] = field(default_factory=dict)
    trainable: tuple[str, ...] | None = None
    plan: tuple[Step, ...] | None = None
    train_dataloader: dict | None = None
    pseudo_labels: dict | None = None

    @classmethod
    def from_cfg(cls, cfg: dict | Stage) -> Stage:
        """Build and validate.

        Raises:
            UserError: Naming the key, its value and what is allowed.
        """
        if isinstance(cfg, Stage):
            return cfg
        if not isinstance(cfg, Mapping):
            raise UserError(f"A stage is {cfg!r}; give a dict, e.g. dict(name='train', iters=1000).")
        _known(cls, cfg, f"Stage '{cfg.get('name')}'")
        cfg = dict(cfg)
        for key in ('terms', 'trainable'):
            if cfg.get(key) is not None:
                cfg[key] = tuple(cfg[key])
        if cfg.get('plan') is not None:
            cfg['plan'] = tuple(Step.from_cfg(step) for step in cfg['plan'])
        what = f"Stage '{cfg.get('name', cls.name)}', weights of"
        weights = cfg.get('weights') or {}
        cfg['weights'] = {name: weight_from_cfg(weight, f"{what} '{name}'") for name, weight in weights.items()}
        stage = cls(**cfg)
        whole = isinstance(stage.iters, int) and not isinstance(stage.iters, bool)
        if stage.iters is not None and not (whole and stage.iters >= 1):
            raise UserError(
                f"Stage '{stage.name}': iters={stage.iters!r}; give a whole number above 0 or leave the stage out."
            )
        return stage

    def weight(self, name: str, iteration: int) -> float:
        """Factor of the losses ``term.phase`` at an iteration of the run."""
        factor = 1.0
        for pattern, weight in self.weights.items():
            if matches(name, pattern):
                factor *= weight.at(iteration) if isinstance(weight, WeightSchedule) else weight
        return factor
