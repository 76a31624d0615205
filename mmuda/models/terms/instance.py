"""Instance alignment: target regions pulled to their nearest source instances (AIM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from mmuda.registry import TERMS
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError
from mmuda.utils.ranks import gather_rows

from .base import Term
from .category import ClassVectors, predicted_classes

EPS = 1e-6


def instance_means(features: Tensor, label: Tensor, category: int, limit: int | None = None) -> Tensor:
    """Mean feature of each connected region (8 neighbours) of a class.

    Args:
        features: Features (N, D, h, w).
        label: Classes (N, H, W), resized to h x w by nearest neighbour.
        category: The class.
        limit: Keep only the ``limit`` largest regions of the batch; None keeps all.

    Returns:
        Means (M, D), the largest region first (equation 9).
    """
    mask = (label == category).to(torch.uint8)
    if mask.shape[-2:] != features.shape[-2:]:
        mask = torch.nn.functional.interpolate(mask[:, None].float(), size=features.shape[-2:], mode='nearest')[:, 0]
    regions, offset = [], 0
    for one in mask.to(torch.uint8).cpu().numpy():
        count, region = cv2.connectedComponents(one, connectivity=8)
        regions.append(np.where(region > 0, region + offset, 0))
        offset += count - 1
    if offset == 0:
        return features.new_zeros(0, features.shape[1])
    numbers = torch.from_numpy(np.stack(regions)).to(features.device, torch.long)
    inside = numbers > 0
    sums = features.new_zeros(offset, features.shape[1])
    sums = sums.index_add(0, numbers[inside] - 1, features.movedim(1, -1)[inside])
    area = torch.bincount(numbers[inside] - 1, minlength=offset)
    means = sums / area.to(features.dtype).clamp_min(EPS)[:, None]
    order = area.argsort(descending=True, stable=True)
    return means[order[:limit]]


@TERMS.register_module()
class InstanceAlignment(Term):
    """AIM: each target instance is pulled (L1) to the nearest source instance of its class in a memory.

    Instances are connected regions of the label on the source and of the prediction on the target; an instance's
    feature is the mean over its region (equation 9). ``loss = sum_k eta_k * mean over the target instances of class k
    of ||f - nearest||_1`` (equations 10, 11) with weights by how hard a class is to align, recomputed in every batch:
    ``zeta_k = ||c_k^s - c_k^t||_1 / (max_i - min_i)``, ``eta_k = zeta_k / max_{i,j} |zeta_i - zeta_j|`` over the
    foreground classes present in both domains; 1 where these do not differ. No gradient flows into the weights or the
    memory.

    The paper's eta has no bound: it equals ``||c_k^s - c_k^t||_1 / (max_i - min_i)``, so two classes at the distances
    0.2 and 0.20001 weigh 20,000 each, although neither is harder than the other. ``max_weight`` bounds the largest
    weight and scales the others with it, which keeps their ratios.

    The memory is a ring of the latest source instances of all ranks, in buffers: equal on every rank, and part of a
    checkpoint.

    Args:
        classes: Foreground classes ("things").
        channels: Channels of the features.
        memory: Source instances kept for each class.
        max_instances: Use at most this many target instances of a class, the largest first. At most this many source
            instances per batch enter the memory.
        warmup: Iterations during which the memory fills and nothing is pulled, because predictions are still too poor.
        source: Address of the source's features.
        target: Address of the target's features.
        class_vectors: Addresses, on source and target, of the taps averaged into the weights' class vectors, see
            :class:`ClassVectors`.
        loss_weight: Factor of the loss, lambda_AIM.
        max_weight: Bound of the weights eta; None leaves them as in equation 11.

    Raises:
        UserError: If there are no classes, or ``max_weight`` is not positive.
    """

    def __init__(
        self,
        classes: Sequence[int],
        channels: int,
        memory: int = 100,
        max_instances: int = 10,
        warmup: int = 5000,
        source: str = 'source:features.3',
        target: str = 'target:features.3',
        class_vectors: tuple[str, str] = ('source:prob', 'target:prob'),
        loss_weight: float = 0.001,
        max_weight: float | None = 10.0,
    ) -> None:
        super().__init__()
        if not classes:
            raise UserError('InstanceAlignment: classes is empty; name the classes whose regions are instances.')
        if max_weight is not None and not max_weight > 0:
            raise UserError(
                f'InstanceAlignment: max_weight={max_weight} is not positive; give a bound, or None for no bound.'
            )
        self.classes = tuple(classes)
        self.class_vectors = ClassVectors(*class_vectors)
        self.features = {'source': source, 'target': target}
        self.labels = {'source': f'{split_tap(source)[0]}:label', 'target': f'{split_tap(target)[0]}:prob'}
        self.max_instances = max_instances
        self.warmup = warmup
        self.loss_weight = loss_weight
        self.max_weight = max_weight
        self.register_buffer('memory', torch.zeros(len(self.classes), memory, channels))
        self.register_buffer('seen', torch.zeros(len(self.classes), dtype=torch.long))

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, str]:
        return {'channels': cfg.get('source', 'source:features.3')}

    def reads(self, phase: str) -> set[str]:
        return {*self.features.values(), *self.labels.values(), *self.class_vectors.reads()}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        features, label = context.tap(self.features['source']), context.tap(self.labels['source'])
        self._remember([instance_means(features.detach(), label, i, self.max_instances) for i in self.classes])
        target = context.tap(self.features['target'])
        if context.iteration < self.warmup:
            return {'loss': target.sum() * 0, 'instances': target.new_zeros(())}
        predicted = predicted_classes(context, self.labels['target'])
        weights = self._weights(context)
        loss, instances = target.sum() * 0, 0
        for k, category in enumerate(self.classes):
            means = instance_means(target, predicted, category, self.max_instances)
            stored = self.memory[k, : min(int(self.seen[k]), self.memory.shape[1])].to(means.dtype)
            if len(means) and len(stored):
                nearest = torch.cdist(means.detach(), stored, p=1).argmin(dim=1)
                loss = loss + weights[k] * (means - stored[nearest]).abs().sum(dim=1).mean()
                instances += len(means)
        return {'loss': self.loss_weight * loss, 'instances': target.new_tensor(float(instances))}

    @torch.no_grad()
    def _remember(self, means: list[Tensor]) -> None:
        """Append the instances of all ranks, a tensor for each class, to the classes' rings."""
        number = torch.cat([m.new_full((len(m),), k) for k, m in enumerate(means)])
        rows = gather_rows(torch.cat([number[:, None], torch.cat(means)], dim=1))
        size = self.memory.shape[1]
        for k in range(len(self.classes)):
            new = rows[rows[:, 0] == k, 1:][-size:]
            slots = (self.seen[k] + torch.arange(len(new), device=new.device)) % size
            self.memory[k, slots] = new.to(self.memory.dtype)
            self.seen[k] += len(new)

    @torch.no_grad()
    def _weights(self, context) -> Tensor:
        """eta of each foreground class (11); 1 for an absent class, which matters only if it has target instances."""
        source, target, present = self.class_vectors(context)
        classes = torch.tensor(self.classes, device=source.device)
        distance = (source - target).abs().sum(dim=1)[classes]
        known = present[classes]
        weights = torch.ones_like(distance)
        if known.any():
            spread = distance[known].max() - distance[known].min()
            if spread > EPS:
                zeta = distance[known] / spread
                eta = zeta / (zeta.max() - zeta.min())
                if self.max_weight is not None:
                    eta = eta * (self.max_weight / eta.max()).clamp(max=1.0)
                weights[known] = eta
        return weights
