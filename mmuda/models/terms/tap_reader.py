"""A tap as a loss wants it: on the grid of the image, as probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmuda.models.losses.entropy_loss import self_information
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError

ACTIVATIONS = {
    None: lambda tap: tap,
    'softmax': lambda logits: logits.softmax(dim=1),
    'entropy': lambda logits: self_information(logits.softmax(dim=1)),
}


class TapReader:
    """Reads a tap, resizes it and activates it; shared by all terms with these options.

    The order matters: probabilities of resized logits are not resized probabilities. AdaptSegNet, ADVENT, MinEnt,
    MaxSquare and CLAN all take the softmax of logits that are resized to the image.

    Args:
        address: Address of the tap, ``'view:tap'``, (N, C, h, w).
        resize_to: ``'image'`` resizes (bilinear, align_corners) to the segmentor's input of the same view, a pair
            (height, width) to that many pixels; None leaves the tap on its own grid.
        activation: Applied afterwards: ``'softmax'``, or ``'entropy'`` for the self-information map of the softmax.

    Raises:
        UserError: If ``address`` is not an address, or ``resize_to`` or ``activation`` is not known.
    """

    def __init__(
        self, address: str, resize_to: str | Sequence[int] | None = None, activation: str | None = None
    ) -> None:
        self.view, _ = split_tap(address)
        self.address = address
        if not (resize_to in (None, 'image') or _is_size(resize_to)):
            raise UserError(f"resize_to={resize_to!r} is not known; give 'image', (height, width) in pixels or None.")
        if activation not in ACTIVATIONS:
            raise UserError(f'activation={activation!r} is not known; give one of {list(ACTIVATIONS)}.')
        self.resize_to = resize_to
        self.activation = ACTIVATIONS[activation]

    def reads(self) -> set[str]:
        """Addresses of the taps that reading needs."""
        return {self.address}

    def __call__(self, context) -> Tensor:
        """The tap, resized and activated."""
        tap = context.tap(self.address)
        if self.resize_to is not None:
            size = context.size(self.view) if self.resize_to == 'image' else tuple(self.resize_to)
            tap = F.interpolate(tap, size=size, mode='bilinear', align_corners=True)
        return self.activation(tap)


def _is_size(value) -> bool:
    """Whether a value is a height and a width in pixels."""
    is_pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    return is_pair and all(isinstance(side, int) and side > 0 for side in value)
