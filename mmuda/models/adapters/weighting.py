"""Gives the losses of a head weights of single pixels."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from mmseg.structures.sampler import BasePixelSampler
from torch import Tensor, nn

from mmuda.structures import pixel_weights
from mmuda.utils.errors import UserError

_HONOURS: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


class GivenWeights(BasePixelSampler):
    """Hands mmseg's heads weights as their pixel sampler does, times those of the head's own sampler.

    Args:
        weights: (N, h, w) on the grid of the labels.
        own: The head's sampler, or None.
    """

    def __init__(self, weights: Tensor, own: BasePixelSampler | None = None) -> None:
        super().__init__()
        self.weights = weights
        self.own = own

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor:
        """The weights, (N, h, w); as mmseg's samplers."""
        if self.own is None:
            return self.weights
        return self.weights * self.own.sample(seg_logit, seg_label)


def head_losses(head: BaseDecodeHead, logits: Tensor, samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
    """The losses of one of mmseg's heads, which honour the weights of the samples' pixels.

    Args:
        head: The head.
        logits: Its logits, (N, K, h, w).
        samples: The N labelled samples.

    Returns:
        As ``head.loss_by_feat``.

    Raises:
        UserError: If a sample has weights and a loss of the head ignores them.
    """
    weights = pixel_weights(samples)
    if weights is None:
        return head.loss_by_feat(logits, samples)
    refuse_unweighted(head)
    own = head.sampler
    head.sampler = GivenWeights(weights.to(logits.device), own)
    try:
        return head.loss_by_feat(logits, samples)
    finally:
        head.sampler = own


def refuse_unweighted(head: BaseDecodeHead) -> None:
    """Refuse a head with a loss that ignores the weights of pixels.

    Raises:
        UserError: Naming the loss.
    """
    losses = head.loss_decode
    for loss in losses if isinstance(losses, nn.ModuleList) else [losses]:
        if not honours_weights(loss, max(head.out_channels, 2)):
            raise UserError(
                f'{type(loss).__name__} of {type(head).__name__} ignores the weights of pixels, which the labels of '
                'this view carry (pseudo labels); use a loss that honours them, such as CrossEntropyLoss, or a view '
                'without weights.'
            )


def honours_weights(loss: nn.Module, classes: int) -> bool:
    """Whether a loss of logits and labels is linear in the weights of the pixels, found by trying it.

    A loss with buffers on the meta device cannot be tried and passes; the model that is trained is asked again.

    Args:
        loss: Called as mmseg's heads call it.
        classes: Number of classes of the logits.
    """
    place = next((buffer.device for buffer in loss.buffers()), torch.device('cpu'))
    if place.type == 'meta':
        return True
    if loss not in _HONOURS:
        with place:  # also where a model is built on the meta device
            _HONOURS[loss] = _is_linear(loss, classes)
    return _HONOURS[loss]


@torch.no_grad()
def _is_linear(loss: nn.Module, classes: int) -> bool:
    logits = torch.linspace(-2, 3, 2 * classes * 4).sin().view(2, classes, 2, 2)
    label = torch.arange(8).view(2, 2, 2) % classes
    first = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 2, 2).repeat(2, 1, 1)

    def value(weight: Tensor | None) -> Tensor:
        return torch.as_tensor(loss(logits, label, weight=weight, ignore_index=255)).double().sum()

    try:
        whole, halves = value(None), [value(first), value(1 - first)]
        doubled, nothing = value(2 * torch.ones_like(first)), value(torch.zeros_like(first))
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError):
        return False
    pairs = ((sum(halves), whole), (doubled, 2 * whole), (nothing, 0 * whole))
    return all(torch.isclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs)
