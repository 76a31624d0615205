"""The rules that terms, views and segmentors must keep; each raises an AssertionError of one sentence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmuda.models.terms import Term
from mmuda.structures import split_tap
from mmuda.utils.seeds import mix_seed, seeded

from .trial import DISCRIMINATOR_PHASE, NAME, Case, Trial, at_iteration, differences
from .watching import DeclaredContext, HalfPrecisionWatch, kept_graphs, reaches

HALFWAY, WHOLE = 2, 4  # iterations


def require(kept: bool, message: str) -> None:
    """Raise the message if a rule is broken."""
    if not kept:
        raise AssertionError(message)


def trained(losses: dict[str, Tensor]) -> list[Tensor]:
    """Those that are backpropagated: their names contain ``loss``."""
    return [value for name, value in losses.items() if 'loss' in name.rpartition('.')[2]]


def losses_of(trial: Trial, phase: str, context: Any) -> dict[str, Tensor]:
    """The losses of the term under test in a phase, from declared taps only."""
    term: Term = trial.model.terms[NAME]
    declared = DeclaredContext(context, term.reads(phase), trial.part, f"phase '{phase}'")
    with at_iteration(0), seeded(mix_seed('phase', phase)):
        return term.losses(phase, declared)


def check_losses(part: str, phase: str, losses: dict[str, Tensor]) -> None:
    """Losses are finite scalars, and values with a graph have ``loss`` in their names."""
    for name, value in losses.items():
        where = f"'{name}' of phase '{phase}'"
        require(
            isinstance(value, Tensor) and value.numel() == 1,
            f'{part} must give scalar tensors: {where} is '
            + (f'of shape {tuple(value.shape)}.' if isinstance(value, Tensor) else f'a {type(value).__name__}.'),
        )
        require(bool(torch.isfinite(value)), f'{part} must give finite values: {where} is {value.item()}.')
        require(
            'loss' in name.rpartition('.')[2] or not value.requires_grad,
            f"{part} must name what it trains with 'loss': {where} carries a graph and would only be logged.",
        )


def check_phases(case: Case, trial: Trial) -> None:
    """Each phase of a term reads only what it declares, and trains what it should with and without a graph."""
    part, term = case.part, trial.model.terms[NAME]
    segmentor = list(trial.model.segmentor.parameters())
    trains = set(term.phases) - {DISCRIMINATOR_PHASE} if case.trains is None else set(case.trains)
    require(trains <= set(term.phases), f'{part} has the phases {term.phases}: it was to train in {sorted(trains)}.')
    for phase in term.phases:
        context = trial.context([f'{NAME}.{phase}'])
        losses = losses_of(trial, phase, context)
        check_losses(part, phase, losses)
        if phase in trains:
            total = sum(trained(losses))
            gradients = (
                torch.autograd.grad(total, segmentor, retain_graph=True, allow_unused=True)
                if isinstance(total, Tensor) and total.requires_grad
                else [None]
            )
            require(
                any(gradient is not None and bool(gradient.any()) for gradient in gradients),
                f"{part} must train the segmentor in phase '{phase}': no gradient of its losses arrives there.",
            )
        kept = kept_graphs(term)
        require(
            not kept,
            f"{part} must keep no graph beyond its step: after phase '{phase}' {', '.join(kept)} holds one; detach it.",
        )
        detached = losses_of(trial, phase, context.detach())
        require(
            not reaches(list(detached.values()), segmentor),
            f"{part} must leave no graph in a detached step: phase '{phase}' reaches the segmentor from taps that "
            'carry none.',
        )


def check_resume(case: Case) -> None:
    """A run that is stopped and resumed from its state equals an uninterrupted one."""
    part = case.part
    whole, stopped = Trial(case), Trial(case)
    logs = whole.train(range(WHOLE))[HALFWAY:]
    stopped.train(range(HALFWAY))
    resumed = Trial(case, seed=1)
    try:
        resumed.load(stopped.state())
    except (RuntimeError, KeyError, ValueError) as error:
        raise AssertionError(
            f'{part} must load its own state into a new one: {" ".join(str(error).split())}'
        ) from error
    unequal = differences(logs, resumed.train(range(HALFWAY, WHOLE)))
    require(
        not unequal,
        f'{part} must resume to the bit: {", ".join(path.strip("/") for path in unequal[:3])} of the losses differs '
        'after a state_dict was loaded, so some of its state is neither a buffer nor a parameter.',
    )
    unequal = differences(whole.state(), resumed.state())
    require(
        not unequal,
        f'{part} must resume to the bit: {", ".join(path.strip("/") for path in unequal[:3])} differs after a '
        'state_dict was loaded.',
    )


def check_precision(part: str, trial: Trial, name: str = NAME) -> None:
    """Under bfloat16 autocast the losses of a term are computed in float32."""
    term: Term = trial.model.terms[name]
    for phase in term.phases:
        context = trial.context([f'{name}.{phase}'], lambda: torch.autocast('cpu', torch.bfloat16))
        for address in sorted(term.reads(phase)):  # the segmentor's forward is allowed to be in bfloat16
            view, tap = split_tap(address)
            _ = context.outputs(view) if tap == 'supervised' else context.tap(address)
        with at_iteration(0), seeded(mix_seed('phase', phase)), HalfPrecisionWatch() as watch:
            losses = term.losses(phase, context)
        half = sorted(key for key, value in losses.items() if value.dtype in (torch.bfloat16, torch.float16))
        require(
            not half and not watch.found,
            f"{part} must compute in float32 under bfloat16 autocast: in phase '{phase}' "
            f'{", ".join(half or sorted(watch.found))} is in half precision.',
        )
        require(
            all(bool(torch.isfinite(value)) for value in losses.values()),
            f"{part} must stay finite under bfloat16 autocast: phase '{phase}' gives "
            f'{ {key: value.item() for key, value in losses.items()} }.',
        )
