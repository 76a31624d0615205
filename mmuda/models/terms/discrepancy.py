"""Two classifiers that should differ, and an adversarial loss weighted by where they do (CLAN)."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.logging import MessageHub
from torch import Tensor

from mmuda.registry import TERMS

from .adversarial import AdversarialAlignment
from .base import Term


@TERMS.register_module()
class DiscrepancyAlignment(AdversarialAlignment):
    """CLAN (https://arxiv.org/abs/1809.09478): the adversarial loss of a target pixel is weighted by how far two
    classifiers disagree on it, ``local_weight * (1 - cosine) + epsilon`` (equation 7), plain during the warm-up.

    The discriminator's logits are upsampled to the grid of the weights. The equation is one min-max objective, hence
    the discriminator's loss of the target is weighted too, as in the authors' code.

    Args:
        classifiers: Taps of the two classifiers' logits.
        local_weight: lambda_local; 40, or 10 for SYNTHIA.
        epsilon: Weight where the classifiers agree.
        warmup: Iterations with plain losses; 5 % of the run in the paper's code.
        **kwargs: As :class:`AdversarialAlignment`; ``moves`` is the target.
    """

    weighs_discriminator = True

    def __init__(
        self,
        *args,
        classifiers: tuple[str, str] = ('module.decode_head.classifiers.0', 'module.decode_head.classifiers.1'),
        local_weight: float = 40.0,
        epsilon: float = 0.4,
        warmup: int = 0,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        view = self.addresses['target'].partition(':')[0]
        self.classifiers = tuple(f'{view}:{tap}' for tap in classifiers)
        self.local_weight = local_weight
        self.epsilon = epsilon
        self.warmup = warmup

    def reads(self, phase: str) -> set[str]:
        reads = super().reads(phase) | set(self.classifiers)
        if self.resize_to:
            reads.add(f'{self.classifiers[0].partition(":")[0]}:image')
        return reads

    def weight(self, domain: str, context) -> Tensor | None:
        if domain != 'target' or MessageHub.get_current_instance().get_info('iter', 0) < self.warmup:
            return None
        logits = [context.tap(address).detach() for address in self.classifiers]
        if self.resize_to:
            size = context.tap(f'{self.classifiers[0].partition(":")[0]}:image').shape[-2:]
            logits = [F.interpolate(x, size=size, mode='bilinear', align_corners=True) for x in logits]
        first, second = (x.softmax(dim=1) for x in logits)
        return (self.local_weight * (1 - F.cosine_similarity(first, second, dim=1)) + self.epsilon).unsqueeze(1)

    def judge(self, tap: Tensor, weight: Tensor | None) -> Tensor:
        logits = self.discriminator(tap)
        if weight is None:
            return logits
        return F.interpolate(logits, size=weight.shape[-2:], mode='bilinear', align_corners=True)


@TERMS.register_module()
class ParameterSimilarity(Term):
    """Cosine similarity of two modules' parameters, plus one: CLAN's weight discrepancy loss (equation 5).

    Args:
        first: Path of a module of the segmentor, e.g. ``'decode_head.classifiers.0'``.
        second: Path of a module with as many parameters.
        view: The stream whose forward it goes with; any will do.
        loss_weight: Factor of the loss; 0.01 in the paper.
    """

    def __init__(self, first: str, second: str, view: str = 'source', loss_weight: float = 0.01) -> None:
        super().__init__()
        self.taps = tuple(f'{view}:parameters.{path}' for path in (first, second))
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return set(self.taps)

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        first, second = (context.tap(tap) for tap in self.taps)
        if first.shape != second.shape:
            raise ValueError(
                f'ParameterSimilarity compares {self.taps[0]} with {first.numel()} and {self.taps[1]} with '
                f'{second.numel()} parameters; name two modules of the same kind.'
            )
        return {'loss': self.loss_weight * (F.cosine_similarity(first, second, dim=0) + 1)}


@TERMS.register_module()
class TapCrossEntropy(Term):
    """Cross entropy of a tap of logits on the labels: supervision of what no head's loss reaches (CLAN's classifiers).

    Args:
        tap: Address of logits (N, K, h, w); resized (bilinear) to the labels.
        ignore_index: Label that does not count.
        align_corners: For the resizing.
        loss_weight: Factor of the loss.
    """

    def __init__(self, tap: str, ignore_index: int = 255, align_corners: bool = True, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.tap = tap
        self.label = f'{tap.partition(":")[0]}:label'
        self.ignore_index = ignore_index
        self.align_corners = align_corners
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return {self.tap, self.label}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        logits, label = context.tap(self.tap), context.tap(self.label)
        logits = F.interpolate(logits, size=label.shape[-2:], mode='bilinear', align_corners=self.align_corners)
        total = F.cross_entropy(logits, label, ignore_index=self.ignore_index, reduction='sum')
        # A crop without any label is no error, and gives 0 instead of NaN.
        return {'loss': self.loss_weight * total / (label != self.ignore_index).sum().clamp_min(1)}
