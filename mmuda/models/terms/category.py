"""Category alignment: class vectors of source and target (ISIA)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.registry import TERMS
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError

from .base import Term, validity_of


def class_means(values: Tensor, label: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mean vector of the pixels of each class, over the batch.

    Args:
        values: Vectors (N, D, h, w).
        label: Classes (N, H, W), resized to h x w by nearest neighbour; values outside [0, num_classes) are ignored.
        num_classes: Number of classes K.

    Returns:
        Means (K, D), zero for absent classes, and the number of pixels of each class (K).
    """
    if label.shape[-2:] != values.shape[-2:]:
        label = F.interpolate(label[:, None].to(values.dtype), size=values.shape[-2:], mode='nearest')[:, 0].long()
    valid = (label >= 0) & (label < num_classes)
    vectors = values.movedim(1, -1)[valid]
    classes = label[valid]
    sums = values.new_zeros(num_classes, values.shape[1]).index_add(0, classes, vectors)
    counts = torch.bincount(classes, minlength=num_classes).to(values.dtype)
    return sums / counts.clamp_min(1)[:, None], counts


def predicted_classes(context, address: str) -> Tensor:
    """Predicted classes (N, h, w) int64 of a tap of probabilities; -1, no class, where the image holds no data."""
    prob = context.tap(address)
    valid = validity_of(context, address, prob)
    label = prob.argmax(dim=1)
    return label if valid is None else label.masked_fill(valid[:, 0] == 0, -1)


class ClassVectors:
    """How a class vector is formed; shared by :class:`CategoryAlignment` and :class:`InstanceAlignment`.

    The paper is ambiguous: ``c_i`` lies in R^{1 x Nc}, "by selecting the corresponding channel". With ``prob`` it is
    the mean of the probability vectors of the pixels of class i, (K,); with features, e.g. ``features.3``, the mean of
    their features, (D,). Pixels of class i are those of the label on the source, those predicted as i on the target,
    if they hold data.

    Args:
        source: Address of the source's vectors, (N, D, h, w); its view has labels.
        target: Address of the target's vectors.
    """

    def __init__(self, source: str, target: str) -> None:
        self.values = {'source': source, 'target': target}
        self.source_label, self.target_prob = f'{split_tap(source)[0]}:label', f'{split_tap(target)[0]}:prob'

    def reads(self) -> set[str]:
        return {*self.values.values(), self.source_label, self.target_prob}

    def __call__(self, context) -> tuple[Tensor, Tensor, Tensor]:
        """Class vectors (K, D) of source and target, and the mask (K) of classes with pixels in both."""
        prob = context.tap(self.target_prob)
        labels = {'source': context.tap(self.source_label), 'target': predicted_classes(context, self.target_prob)}
        means, present = {}, []
        for domain, address in self.values.items():
            means[domain], counts = class_means(context.tap(address), labels[domain], prob.shape[1])
            present.append(counts > 0)
        return means['source'], means['target'], present[0] & present[1]


@TERMS.register_module()
class CategoryAlignment(Term):
    """ISIA: pulls the class vectors of the two domains together and pushes those of different classes apart.

    ``loss_intra = sum_i ||c_i^s - c_i^t||_1`` (aggregation within a class) and ``loss_inter = sum_i sum_{k != i}
    Dsim(c_i^s, c_k^t)``, ``Dsim = 0.5 + 0.5 cosine`` (separation between classes): equations 5 to 8. A class without
    pixels in either domain contributes nothing. Class vectors are means over the whole batch.

    Args:
        source: Address of the tap that is averaged into the source's class vectors, see :class:`ClassVectors`.
        target: The same for the target.
        intra_weight: Factor of the aggregation.
        inter_weight: Factor of the separation, beta.
        loss_weight: Factor of both, lambda_ISIA.

    Raises:
        UserError: If both weights are 0.
    """

    def __init__(
        self,
        source: str = 'source:prob',
        target: str = 'target:prob',
        intra_weight: float = 1.0,
        inter_weight: float = 1.0,
        loss_weight: float = 0.001,
    ) -> None:
        super().__init__()
        if not intra_weight and not inter_weight:
            raise UserError('CategoryAlignment: intra_weight and inter_weight are both 0; set one of them.')
        self.class_vectors = ClassVectors(source, target)
        self.intra_weight = intra_weight
        self.inter_weight = inter_weight
        self.loss_weight = loss_weight

    def reads(self, phase: str) -> set[str]:
        return self.class_vectors.reads()

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        source, target, present = self.class_vectors(context)
        source, target = source[present], target[present]
        losses = {}
        if self.intra_weight:
            losses['loss_intra'] = self.loss_weight * self.intra_weight * (source - target).abs().sum()
        if self.inter_weight:
            similarity = 0.5 + 0.5 * F.cosine_similarity(source[:, None], target[None], dim=-1)
            others = ~torch.eye(len(source), dtype=torch.bool, device=source.device)
            losses['loss_inter'] = self.loss_weight * self.inter_weight * similarity[others].sum()
        losses['classes'] = present.sum().to(source.dtype)
        return losses
