"""Two classifiers that should differ, and an adversarial loss weighted by where they do (CLAN)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.registry import TERMS
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError

from .adversarial import AdversarialAlignment
from .base import Term, weights_of
from .tap_reader import TapReader


@TERMS.register_module()
class DiscrepancyAlignment(AdversarialAlignment):
    """CLAN (https://arxiv.org/abs/1809.09478): the adversarial loss of a target pixel is weighted by how far two
    classifiers disagree on it, ``local_weight * (1 - cosine) + epsilon`` (equation 7), plain during the warm-up.

    The discriminator's logits are upsampled to the grid of the weights. The equation is one min-max objective, so the
    discriminator's target loss is weighted too, as in the authors' code. For the same reason the segmentor's gradient
    flows through the weights by default: neither equation 7 nor the authors' code stops it. Without it, 0.1 % to 68 %
    of their gradient remains. The discriminator's loss never trains the segmentor.

    Args:
        classifiers: Addresses of the two classifiers' logits on the target.
        local_weight: lambda_local; 40, or 10 for SYNTHIA.
        epsilon: Weight where the classifiers agree.
        warmup: Iterations with plain losses; 5 % of the run in the paper's code.
        detach_weight: Treat the weights as constants in the segmentor's loss.
        always_upsample: Upsample the discriminator's logits even where they are not weighted (source, warm-up), as the
            authors' code does. Their mean then counts border logits less.
        **kwargs: As :class:`AdversarialAlignment`; ``moves`` is the target.
    """

    weighs_discriminator = True

    def __init__(
        self,
        *args,
        classifiers: tuple[str, str] = (
            'target:module.decode_head.classifiers.0',
            'target:module.decode_head.classifiers.1',
        ),
        local_weight: float = 40.0,
        epsilon: float = 0.4,
        warmup: int = 0,
        detach_weight: bool = False,
        always_upsample: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        target = self.readers['target']
        self.classifiers = tuple(TapReader(address, target.resize_to, 'softmax') for address in classifiers)
        self.local_weight = local_weight
        self.epsilon = epsilon
        self.warmup = warmup
        self.detach_weight = detach_weight
        self.always_upsample = always_upsample

    def reads(self, phase: str) -> set[str]:
        return super().reads(phase).union(*(classifier.reads() for classifier in self.classifiers))

    def weight(self, side: str, context) -> Tensor | None:
        if side != 'target' or context.iteration < self.warmup:
            return None
        first, second = (classifier(context) for classifier in self.classifiers)
        weight = self.local_weight * (1 - F.cosine_similarity(first, second, dim=1)) + self.epsilon
        return (weight.detach() if self.detach_weight else weight).unsqueeze(1)

    def judge(self, tap: Tensor, weight: Tensor | None) -> Tensor:
        logits = self.discriminator(tap)
        if weight is None and not self.always_upsample:
            return logits
        return F.interpolate(logits, size=tap.shape[-2:], mode='bilinear', align_corners=True)


@TERMS.register_module()
class ParameterSimilarity(Term):
    """Cosine similarity of two modules' parameters, plus one: CLAN's weight discrepancy loss (equation 5).

    Args:
        first: Address of a module's parameters, e.g. ``'source:parameters.decode_head.classifiers.0'``; the view
            selects the segmentor's or, with ``source@teacher``, the teacher's.
        second: Address of the same number of parameters.
        loss_weight: Factor of the loss; 0.01 in the paper, which the authors' code doubles to 0.02.
    """

    def __init__(self, first: str, second: str, loss_weight: float = 0.01) -> None:
        super().__init__()
        self.taps = (first, second)
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return set(self.taps)

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        first, second = (context.tap(tap) for tap in self.taps)
        if first.shape != second.shape:
            raise UserError(
                f'ParameterSimilarity compares {self.taps[0]} with {first.numel()} and {self.taps[1]} with '
                f'{second.numel()} parameters; name two modules of the same kind.'
            )
        return {'loss': self.loss_weight * (F.cosine_similarity(first, second, dim=0) + 1)}


@TERMS.register_module()
class TapCrossEntropy(Term):
    """Cross entropy of a tap of logits on the labels; supervises what no head's loss reaches (CLAN's classifiers).

    With ``gamma`` it is the focal loss ``-(1 - p)^gamma log p`` of the true class's probability p, mean over the
    labelled pixels. CLAN's code sums it over its two classifiers, ``gamma=2``, where the paper supervises their sum.

    Args:
        tap: Address of logits (N, K, h, w); resized (bilinear) to the labels.
        gamma: Focusing exponent; 0 is the cross entropy.
        ignore_index: Label that does not count.
        align_corners: For the resizing.
        loss_weight: Factor of the loss.
    """

    honours_weights = True

    def __init__(
        self,
        tap: str,
        gamma: float = 0.0,
        ignore_index: int = 255,
        align_corners: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.tap = tap
        self.view, _ = split_tap(tap)
        self.label = f'{self.view}:label'
        self.gamma = gamma
        self.ignore_index = ignore_index
        self.align_corners = align_corners
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return {self.tap, self.label}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        logits, label = context.tap(self.tap), context.tap(self.label)
        logits = F.interpolate(logits, size=label.shape[-2:], mode='bilinear', align_corners=self.align_corners)
        loss = F.cross_entropy(logits, label, ignore_index=self.ignore_index, reduction='none')
        if self.gamma:
            # 1 - p from its logarithm keeps the precision that 1 - exp(-loss) loses near p = 1.
            loss = (-torch.expm1(-loss)) ** self.gamma * loss
        weights = weights_of(context, self.view)
        if weights is not None:
            loss = loss * weights
        # A crop without any label is valid and gives 0 instead of NaN.
        return {'loss': self.loss_weight * loss.sum() / (label != self.ignore_index).sum().clamp_min(1)}
