"""Checks before the first iteration that stages, plans, streams and optimisers fit each other."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict

from mmuda.utils.errors import UserError
from mmuda.utils.old_names import renamed_phase
from mmuda.utils.patterns import matches

from .plan import Stage, Step
from .trainable import left_trainable
from .update import wrappers_of

if TYPE_CHECKING:
    from .staged_model import StagedModel


def check_stage(model: StagedModel, stage: Stage) -> None:
    """Refuse a stage that cannot run.

    Raises:
        UserError: Naming the stage, the value and the remedy.
    """
    terms = list(model.phases)
    unknown = [name for name in stage.terms or () if name not in terms and name not in model.left_out]
    if unknown:
        raise UserError(f"Stage '{stage.name}' names the terms {unknown}; the model has {terms}.")
    _check_patterns(model, stage)
    available = model.available_losses(stage)
    if not any(step.names(available) for step in model.steps(stage)):
        raise UserError(
            f"Stage '{stage.name}' has nothing to train: its plan asks for "
            f'{[list(step.losses) for step in model.steps(stage)]}, its terms offer {available}.'
        )
    _check_weights(model, stage)
    left_trainable(model, stage)


def _check_patterns(model: StagedModel, stage: Stage) -> None:
    """Refuse a step that names a loss no term has; otherwise the loss would silently never be trained."""
    every = model.available_losses(Stage())
    # A model without discriminators keeps the step that would train them.
    usual = {pattern for step in model.default_plan for pattern in step.losses}
    for step in model.steps(stage):
        for pattern in step.losses:
            term, renamed = pattern.partition('.')[0], renamed_phase(pattern)
            left_out = term in model.left_out or (model.left_out and '*' in term and not renamed)
            if left_out or pattern in usual or any(matches(name, pattern) for name in every):
                continue
            hint = renamed or 'name some of these'
            raise UserError(
                f"Step '{step.name}' of the plan names the losses '{pattern}'; the model has {every}; {hint}."
            )


def _check_weights(model: StagedModel, stage: Stage) -> None:
    """Refuse a weight for a loss that does not exist; otherwise it would silently have no effect."""
    every = model.available_losses(Stage())
    unknown = [
        name
        for name in stage.weights
        if name.partition('.')[0] not in model.left_out and not any(matches(loss, name) for loss in every)
    ]
    if unknown:
        hint = next(filter(None, map(renamed_phase, unknown)), 'name some of these')
        raise UserError(
            f"Stage '{stage.name}' names the terms {unknown} in its weights; the losses are {every}; {hint}."
        )


def check_streams(model: StagedModel, stage: Stage, streams: Iterable[str]) -> None:
    """Refuse a stage that reads a stream the loader does not provide.

    Raises:
        UserError: Naming the stage, the stream and the remedy.
    """
    available = model.available_losses(stage)
    names = [name for step in model.steps(stage) for name in step.names(available)]
    missing = sorted(model.streams_of(names) - set(streams))
    if missing:
        views = sorted(getattr(model, 'views', ()))
        raise UserError(
            f"Stage '{stage.name}' reads {missing}: the loader gives the streams {sorted(streams)}, the model has "
            f'the views {views}. Add the stream to the UDADataset or the view to the model.'
        )


def check_optimizers(model: StagedModel, stage: Stage, optim_wrapper: OptimWrapper) -> None:
    """Refuse a stage whose steps have no optimiser or nothing to train.

    Raises:
        UserError: Naming the step, the stage and the remedy.
    """
    available = model.available_losses(stage)
    steps = [step for step in model.steps(stage) if step.names(available)]
    if not isinstance(optim_wrapper, OptimWrapperDict) and len({step.optimizers for step in steps}) > 1:
        raise UserError(
            f"The plan of stage '{stage.name}' trains with {sorted({n for s in steps for n in s.optimizers})}, but "
            'optim_wrapper is a single one, which would train the discriminators on the losses of the segmentor; '
            "give one for each name and constructor='NamedOptimWrapperConstructor'."
        )
    accumulates, owners = False, {}
    for step in steps:
        wrappers = wrappers_of(step, optim_wrapper)
        join(step, wrappers)
        accumulating = any(wrapper._accumulative_counts > 1 for wrapper in wrappers)
        if accumulating and step.forward == 'fresh' and step is not steps[0]:
            print_log(
                f"Stage '{stage.name}': step '{step.name}' forwards anew after an update, so with accumulated "
                'gradients most of its forwards see the weights before it, unlike those of a larger batch.',
                logger='current',
                level=logging.WARNING,
            )
        accumulates |= accumulating
        for i, trained in enumerate(model.trainable.of(step, stage, wrappers)):
            if trained:
                owners.setdefault(i, set()).add(step.optimizers)
    shared = next((names for names in owners.values() if len(names) > 1), None)
    if accumulates and shared:
        raise UserError(
            f"In stage '{stage.name}' the optimisers {sorted(shared)} train the same parameters in different steps "
            'and accumulate gradients (accumulative_counts): each would step on the gradients of the other too. '
            'Set accumulative_counts=1, or give each its own parameters.'
        )


def join(step: Step, wrappers: list[OptimWrapper]) -> None:
    """Let optimisers that step from one backward pass share its scale, or refuse them."""
    if len(wrappers) == 1:
        return
    kinds = {(wrapper._accumulative_counts, hasattr(wrapper, 'loss_scaler')) for wrapper in wrappers}
    if len(kinds) > 1:
        raise UserError(
            f"Step '{step.name}' updates {list(step.optimizers)} from one backward pass, but they differ in "
            'accumulative_counts or in float16; give them the same.'
        )
    accumulates, has_scaler = kinds.pop()
    if has_scaler and (accumulates > 1 or not all(hasattr(w, 'share_loss_scaler') for w in wrappers)):
        raise UserError(
            f"Step '{step.name}' updates {list(step.optimizers)} from one backward pass in float16 and needs one "
            "loss scale for them: give them type='SyncAmpOptimWrapper' and accumulative_counts=1 (the scale may "
            'change while gradients wait), or train in bfloat16 (--amp-dtype bfloat16).'
        )
    for wrapper in wrappers[1:] if has_scaler else []:
        wrapper.share_loss_scaler(wrappers[0])
