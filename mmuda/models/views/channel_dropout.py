"""Channel dropout of the features of two views, complementary to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.structures import PERTURBATION
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import SHARE

from .built_on import BuiltOn

SEEDS = 2**62


@dataclass(frozen=True)
class Dropout:
    """Multiplies channels of feature maps by 0 or 2; the same seed gives the same masks in each call.

    Attributes:
        seed: Determines the masks.
        whole: Share of the samples whose features stay as they are, rounded down to whole samples.
        is_complement: Multiply by 2 - M where the partner multiplies by M.
    """

    seed: int
    whole: float
    is_complement: bool = False

    def complement(self) -> Dropout:
        """The dropout that keeps exactly the channels that this one drops."""
        return replace(self, is_complement=not self.is_complement)

    def __call__(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The features (N, C_i, H_i, W_i) times masks (N, C_i); maps with as many channels share one mask."""
        generator = torch.Generator().manual_seed(self.seed)
        count = len(features[0])
        untouched = torch.randperm(count, generator=generator)[: int(count * self.whole)]
        masks: dict[int, Tensor] = {}
        for channels in sorted({feature.shape[1] for feature in features}):
            mask = 2 * torch.randint(2, (count, channels), generator=generator)
            mask = 2 - mask if self.is_complement else mask
            mask[untouched] = 1
            masks[channels] = mask[:, :, None, None]
        return [feature * masks[feature.shape[1]].to(feature) for feature in features]


@VIEWS.register_module()
class ChannelDropout(BuiltOn):
    """A stream or view; the student's head sees its features without half of their channels (UniMatch V2).

    Between backbone and heads each feature map is multiplied by a mask M of 0 and 2, drawn for each sample and channel
    with probability 1/2. A second view with ``complement_of`` gets 2 - M, so that each channel is seen by exactly one
    of the two. As in the released code:

    - half of the samples, rounded down and drawn anew each time, keep all features in both views (``whole``);
    - maps with the same number of channels share one mask, as those of a vision transformer do. Maps with different
      numbers, as in convolutional networks, have masks of their own.

    The taps ``features.i`` of this view are the maps after the change. The teacher's features are never changed.

    Source: UniMatch V2 (https://arxiv.org/abs/2410.10777).

    Args:
        view: The stream or view whose images are forwarded.
        complement_of: The view of this type whose masks are complemented; None draws masks. Both need the same number
            of samples.
        whole: Share of the samples that keep all features, in [0, 1]; with ``complement_of`` that of the other view.

    Raises:
        UserError: If a value lies outside its range.

    Example:
        >>> views = dict(
        ...     first=dict(type='ChannelDropout', view='strong_1'),
        ...     second=dict(type='ChannelDropout', view='strong_2', complement_of='first'))
    """

    def __init__(self, view: str, complement_of: str | None = None, whole: float | None = None) -> None:
        if whole is not None and (complement_of is not None or not SHARE.holds(whole)):
            raise UserError(
                f'whole={whole!r} of ChannelDropout is a share of the samples; give 0 to 1, and not with '
                'complement_of, whose view has it.'
            )
        self.view = view
        self.parents = (view,)
        self.complement_of = complement_of
        self.whole = 0.5 if whole is None else whole

    def reads(self) -> set[str]:
        partner = set() if self.complement_of is None else {f'{self.complement_of}:image'}
        return super().reads() | partner

    def build(self, context) -> dict:
        batch = context.batch(self.view)
        if self.complement_of is None:
            return {**batch, PERTURBATION: Dropout(int(torch.randint(SEEDS, ())), self.whole)}
        partner = context.batch(self.complement_of)
        if not isinstance(partner.get(PERTURBATION), Dropout) or len(partner['inputs']) != len(batch['inputs']):
            raise UserError(
                f"ChannelDropout on '{self.view}' complements '{self.complement_of}', which is no view of the type "
                'ChannelDropout with as many images; name one.'
            )
        return {**batch, PERTURBATION: partner[PERTURBATION].complement()}
