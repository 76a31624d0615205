"""Which parameters a step trains."""

from __future__ import annotations

from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.utils.errors import UserError
from mmuda.utils.patterns import select

from .plan import Stage, Step

BATCH_NORM = 'batch_norm'
"""Pattern of a stage's ``trainable`` that stands for the scale and shift of each batch norm of the segmentor."""


def left_trainable(model: nn.Module, stage: Stage) -> set[str]:
    """Names of the parameters that a stage leaves trainable.

    Raises:
        UserError: If a pattern matches nothing.
    """
    names = [name for name, _ in model.named_parameters()]
    if stage.trainable is None:
        return set(names)
    modules = [(name, module) for name, module in model.named_modules() if name.startswith('segmentor.')]
    layers = [name for name, module in modules if isinstance(module, _BatchNorm) and module.affine]
    patterns: list[str] = []
    for pattern in stage.trainable:
        if pattern.lstrip('!') != BATCH_NORM:
            patterns.append(pattern)
            continue
        if not layers:
            raise UserError(
                f"Stage '{stage.name}' trains '{BATCH_NORM}' of a segmentor that has no batch norm; take a segmentor "
                'with it, or name other parameters.'
            )
        patterns += [pattern.replace(BATCH_NORM, layer) for layer in layers]
    return set(select(names, patterns, f"Stage '{stage.name}', trainable"))


class Trainable:
    """Makes exactly those parameters require gradients that a step trains.

    These are the parameters that the step's optimisers own, that the stage leaves trainable, and that were trainable
    when the model was built.

    Args:
        model: The model.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._frozen_by_build: list[bool] | None = None
        self._stage: Stage | None = None
        self._by_optimizers: dict[tuple[str, ...], list[bool]] = {}

    def freeze_all_but(self, step: Step, stage: Stage, wrappers: list[OptimWrapper]) -> None:
        """Make the parameters that a step trains require gradients, and no others."""
        if stage is not self._stage:
            self._stage, self._by_optimizers = stage, {}
        if step.optimizers not in self._by_optimizers:
            self._by_optimizers[step.optimizers] = self.of(step, stage, wrappers)
        for parameter, trained in zip(self._model.parameters(), self._by_optimizers[step.optimizers], strict=True):
            parameter.requires_grad_(trained)

    def unfreeze(self) -> None:
        """Restore ``requires_grad`` as built: other code (optimisers, a second run) reads it."""
        if self._frozen_by_build is not None:
            for parameter, frozen in zip(self._model.parameters(), self._frozen_by_build, strict=True):
                parameter.requires_grad_(not frozen)

    def of(self, step: Step, stage: Stage, wrappers: list[OptimWrapper]) -> list[bool]:
        """For each parameter, whether a step in a stage trains it.

        Raises:
            UserError: If it trains none.
        """
        parameters = dict(self._model.named_parameters())
        if self._frozen_by_build is None:
            self._frozen_by_build = [not p.requires_grad for p in parameters.values()]
        owned = {id(p) for wrapper in wrappers for group in wrapper.optimizer.param_groups for p in group['params']}
        allowed = left_trainable(self._model, stage)
        trained = [
            id(p) in owned and name in allowed and not frozen
            for (name, p), frozen in zip(parameters.items(), self._frozen_by_build, strict=True)
        ]
        if not any(trained):
            raise UserError(
                f"Step '{step.name}' in stage '{stage.name}' trains nothing: the optimisers "
                f'{list(step.optimizers)} own none of its trainable parameters ({stage.trainable}).'
            )
        return trained
