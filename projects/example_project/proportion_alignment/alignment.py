"""Adversarial alignment where the segmentor is unsure, with fixed class proportions."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from mmengine import dist
from torch import Tensor

from mmuda.models.terms import AdversarialAlignment
from mmuda.registry import MODELS, TERMS
from mmuda.utils.errors import UserError


@TERMS.register_module()
class ProportionAlignment(AdversarialAlignment):
    """Aligns predictions adversarially where they are unsure, while keeping the class proportions.

    A discriminator alone is content once target predictions look like source predictions; a rare class may vanish on
    the way, since maps without it look like many source maps. So two things are added to
    :class:`AdversarialAlignment`:

    - the segmentor loss is weighted per pixel by the entropy of the prediction divided by its largest possible value (0
      where the segmentor is sure, 1 where it has no idea; no gradient flows through it);
    - the mean prediction of the target is kept close to the class proportions of the source's labels, a running
      estimate over the batches of all ranks.

    Args:
        num_classes: Number of classes, K.
        proportion_loss: Config of a loss in MODELS, called as ``loss(predicted, expected)`` with two (K,) tensors.
        proportion_weight: Factor of that loss.
        source: Address of the source's class probabilities, (N, K, h, w), values in [0, 1].
        target: Address of the target's.
        momentum: Share of the old pixel counts that each iteration keeps, in [0, 1).
        ignore_index: Label that belongs to no class.
        **kwargs: As :class:`AdversarialAlignment`. The discriminator must give logits (N, 1, h, w) on the tap's grid,
            e.g. :class:`DilatedDiscriminator`.

    Raises:
        UserError: If ``momentum`` lies outside [0, 1).
    """

    phases = ('segmentor', 'discriminator')

    def __init__(
        self,
        num_classes: int,
        proportion_loss: dict,
        proportion_weight: float = 1.0,
        source: str = 'source:prob',
        target: str = 'target:prob',
        momentum: float = 0.99,
        ignore_index: int = 255,
        **kwargs,
    ) -> None:
        super().__init__(source=source, target=target, **kwargs)
        if not 0 <= momentum < 1:
            raise UserError(f'momentum={momentum} of ProportionAlignment must lie in [0, 1); 0.99 is the default.')
        self.num_classes = num_classes
        self.momentum = momentum
        self.ignore_index = ignore_index
        self.label = f'{self.addresses["source"].partition(":")[0]}:label'
        self.proportion_loss = MODELS.build(proportion_loss)
        self.proportion_weight = proportion_weight
        # A buffer, so that checkpoints hold it and a resumed run continues with the same estimate.
        self.register_buffer('pixels', torch.zeros(num_classes))

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, str]:
        """If a config does not give the number of classes, it is taken from the tap."""
        return {**super().channels_from(cfg), 'num_classes': cfg.get('source', 'source:prob')}

    def reads(self, phase: str) -> set[str]:
        taps = super().reads(phase)
        return taps | {self.label, self.addresses['target']} if phase == 'segmentor' else taps

    def weight(self, side: str, context) -> Tensor:
        """Entropy of the prediction over log K, (N, 1, h, w), values in [0, 1], without a graph."""
        prob = self.read(side, context).detach()
        entropy = -(prob * prob.clamp_min(torch.finfo(prob.dtype).tiny).log()).sum(dim=1, keepdim=True)
        return entropy / math.log(self.num_classes)

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        losses = super().losses(phase, context)
        if phase == 'segmentor':
            self.count(context.tap(self.label))
            predicted = context.tap(self.addresses['target']).mean(dim=(0, 2, 3))
            proportions = self.proportions().to(predicted.dtype)
            losses['loss_proportion'] = self.proportion_weight * self.proportion_loss(predicted, proportions)
            # A name without 'loss' is logged only.
            losses['uncertainty'] = self.weight('target', context).mean()
        return losses

    @torch.no_grad()
    def count(self, label: Tensor) -> None:
        """Add the pixels of a batch of labels (N, h, w) to the running counts, the same on all ranks."""
        pixels = torch.bincount(label[label != self.ignore_index].flatten(), minlength=self.num_classes)
        pixels = pixels.to(self.pixels)
        dist.all_reduce(pixels, op='sum')
        self.pixels.mul_(self.momentum).add_(pixels)

    def proportions(self) -> Tensor:
        """Class proportions of the source's labels, (K,), positive, sum 1."""
        # One extra pixel per class, so that a class not seen yet has a small share instead of none.
        smoothed = self.pixels + 1
        return smoothed / smoothed.sum()
