"""Category alignment: class vectors of source and target (ISIA)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.registry import TERMS

from .base import Term, validity_of

CLASS_VECTORS = ('probability', 'feature')


def class_means(values: Tensor, label: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mean vector of the pixels of each class, over the batch.

    Args:
        values: Vectors (N, D, h, w).
        label: Classes (N, H, W), brought to h x w by nearest neighbour; what lies outside [0, num_classes) is ignored.
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

    The paper is ambiguous: ``c_i`` lies in R^{1 x Nc}, "by selecting the corresponding channel". ``'probability'`` is
    the mean of the probability vectors of the pixels of class i, (K,); ``'feature'`` the mean of their features, (D,).
    Pixels of class i are those of the label on the source, those predicted as i on the target, if they hold data.

    Args:
        kind: ``'probability'`` or ``'feature'``.
        source: Name of the source stream or view.
        target: Name of the target stream or view.
        feature: Tap of the features, e.g. ``'features.3'``.
    """

    def __init__(self, kind: str, source: str, target: str, feature: str) -> None:
        if kind not in CLASS_VECTORS:
            raise ValueError(f'class_vector={kind!r} is not known; give one of {list(CLASS_VECTORS)}.')
        tap = 'prob' if kind == 'probability' else feature
        self.values = {'source': f'{source}:{tap}', 'target': f'{target}:{tap}'}
        self.source_label, self.target_prob = f'{source}:label', f'{target}:prob'

    def reads(self) -> set[str]:
        return {*self.values.values(), self.source_label, self.target_prob}

    def __call__(self, context) -> tuple[Tensor, Tensor, Tensor]:
        """Class vectors (K, D) of source and target, and which classes (K) both have pixels of."""
        prob = context.tap(self.target_prob)
        labels = {'source': context.tap(self.source_label), 'target': predicted_classes(context, self.target_prob)}
        means, present = {}, []
        for domain, address in self.values.items():
            means[domain], counts = class_means(context.tap(address), labels[domain], prob.shape[1])
            present.append(counts > 0)
        return means['source'], means['target'], present[0] & present[1]


@TERMS.register_module()
class CategoryAlignment(Term):
    """ISIA: pulls class vectors of the two domains together, and pushes those of different classes apart.

    ``loss_intra = sum_i ||c_i^s - c_i^t||_1`` (aggregation within a class) and ``loss_inter = sum_i sum_{k != i}
    Dsim(c_i^s, c_k^t)``, ``Dsim = 0.5 + 0.5 cosine`` (separation between classes): equations 5 to 8. A class without
    pixels in either domain contributes nothing. Class vectors are means over the whole batch.

    Args:
        class_vector: ``'probability'`` (default) or ``'feature'``, see :class:`ClassVectors`.
        feature: Tap of the features for ``'feature'``.
        intra_weight: Factor of the aggregation.
        inter_weight: Factor of the separation, beta.
        source: Name of the source stream or view.
        target: Name of the target stream or view.
        loss_weight: Factor of both, lambda_ISIA.

    Raises:
        ValueError: If ``class_vector`` is unknown or both weights are 0.
    """

    def __init__(
        self,
        class_vector: str = 'probability',
        feature: str = 'features.3',
        intra_weight: float = 1.0,
        inter_weight: float = 1.0,
        source: str = 'source',
        target: str = 'target',
        loss_weight: float = 0.001,
    ) -> None:
        super().__init__()
        if not intra_weight and not inter_weight:
            raise ValueError('CategoryAlignment: intra_weight and inter_weight are both 0; set one of them.')
        self.class_vectors = ClassVectors(class_vector, source, target, feature)
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
