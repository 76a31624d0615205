"""A change of the features between backbone and heads, for which a view may ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

PERTURBATION = 'perturb_features'
"""Key of a batch: called with the student's feature maps, each (N, C_i, H_i, W_i), gives as many of the same shapes."""


def perturbed(features: Sequence[Tensor], batch: Mapping) -> tuple[Tensor, ...]:
    """Feature maps as the heads get them: changed where the batch asks for it.

    Adapters call it once for each forward of the backbone. The teacher's batches never ask.

    Args:
        features: Maps of the backbone (and neck), each (N, C_i, H_i, W_i).
        batch: The batch that was forwarded.
    """
    change = batch.get(PERTURBATION)
    return tuple(features) if change is None else tuple(change(features))
