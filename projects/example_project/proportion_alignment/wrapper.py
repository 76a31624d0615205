"""Ramps terms up gradually."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmuda.models.wrappers import DomainAdaptation, Stage
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class RampedAdaptation(DomainAdaptation):
    """DomainAdaptation that ramps the named terms up from 0 to their weight, so that the source is learned first.

    The factor of their segmentor losses at iteration i is ``2 / (1 + exp(-10 p)) - 1`` with ``p = min(1, i /
    ramp_iters)`` (Ganin and Lempitsky, 2015); discriminators train from the start. It is logged as ``<term>.ramp``.

    Args:
        ramp_terms: Names of the terms to ramp up.
        ramp_iters: Length of the ramp in iterations, counted from the start of the run.
        **kwargs: As :class:`DomainAdaptation`.

    Raises:
        UserError: If ``ramp_iters`` is below 1, or (when training starts) the model has no such term.
    """

    def __init__(self, ramp_terms: Sequence[str], ramp_iters: int, **kwargs) -> None:
        super().__init__(**kwargs)
        if ramp_iters < 1:
            raise UserError(f'ramp_iters={ramp_iters} of RampedAdaptation must be at least 1 iteration.')
        self.ramp_terms = tuple(ramp_terms)
        self.ramp_iters = ramp_iters

    def set_stage(self, stage: Stage | dict) -> None:
        """As the base, at the start of each stage; not earlier, since prediction builds no terms."""
        unknown = [name for name in self.ramp_terms if name not in self.terms and name not in self.left_out]
        if unknown:
            raise UserError(
                f'ramp_terms of RampedAdaptation names {unknown}, but the model has the terms {list(self.terms)}; name '
                'some of these.'
            )
        super().set_stage(stage)

    def ramp(self) -> float:
        """The factor now, in [0, 1)."""
        # The run's iteration, not a counter of our own, so that a resumed run continues correctly.
        progress = min(1.0, self.iteration / self.ramp_iters)
        return 2 / (1 + math.exp(-10 * progress)) - 1

    def compute_losses(self, name: str, context) -> dict[str, Tensor]:
        losses = super().compute_losses(name, context)
        term, _, phase = name.rpartition('.')
        if phase != 'segmentor' or term not in self.ramp_terms:
            return losses
        factor = self.ramp()
        losses = {key: value * factor if 'loss' in key.rpartition('.')[2] else value for key, value in losses.items()}
        return {**losses, f'{term}.ramp': torch.tensor(factor)}
