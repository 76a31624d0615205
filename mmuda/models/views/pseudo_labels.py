"""Images of an unlabelled stream with the teacher's predictions as labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine import dist
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.structures import IGNORE_INDEX, validity, with_labels
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import SHARE

from .base import View
from .flipped import Flipped, flip

WEIGHTS = ('batch', 'image', 'class', 'pixel', 'confidence')


@VIEWS.register_module()
class PseudoLabels(View):
    """The plain images of a stream; each pixel's label is the teacher's most probable class there.

    A pixel is confident where the probability of that class reaches the threshold. How far the labels count is a weight
    of each pixel, which losses on this view and on views of it honour:

    - ``'batch'``: the share of confident pixels in the batch, over all ranks (DACS, arXiv 2007.08702, section 3.2; its
      successors);
    - ``'image'``: the share in the pixel's image;
    - ``'class'``: the share among the pixels of the same predicted class in the batch, over all ranks;
    - ``'pixel'``: 1 for confident pixels, 0 for others (FixMatch, UniMatch);
    - ``'confidence'``: the probability itself for confident pixels, 0 for others.

    Pixels without data get the label 255 and count in no share.

    Args:
        view: The stream or view to label.
        threshold: Probability from which a pixel is confident (0.968 in DACS); or ``dict(kind='median', cap=0.9)``:
            for each class the median probability of the pixels in the batch that are predicted as this class, at most
            ``cap``, so that classes of which the teacher is never sure have confident pixels too. The median is that of
            the rank's own batch.
        weight: One of the choices above.
        flips: Directions (``'horizontal'``, ``'vertical'``, ``'diagonal'``) in which the teacher also sees the images;
            its probabilities are averaged over them and the plain image. Each costs a forward of the teacher.

    Raises:
        UserError: If an argument is not one of these.
    """

    def __init__(
        self,
        view: str = 'target',
        threshold: float | Mapping = 0.968,
        weight: str = 'batch',
        flips: Sequence[str] = (),
    ) -> None:
        if weight not in WEIGHTS:
            raise UserError(f'PseudoLabels: weight={weight!r} is not known; give one of {WEIGHTS}.')
        by_class = isinstance(threshold, Mapping)
        limit = threshold.get('cap') if by_class else threshold
        if (
            limit is None
            or not SHARE.holds(limit)
            or (by_class and (threshold.get('kind') != 'median' or len(threshold) != 2))
        ):
            raise UserError(
                f'PseudoLabels: threshold={threshold!r} is neither a probability in [0, 1] nor '
                "dict(kind='median', cap=PROBABILITY); write e.g. threshold=0.968."
            )
        self.view = view
        self.threshold = threshold
        self.weight = weight
        self.flips = {f'{view}_{direction}': direction for direction in flips}

    def reads(self) -> set[str]:
        return {f'{view}@teacher:prediction' for view in (self.view, *self.flips)}

    def views(self) -> dict[str, View]:
        return {name: Flipped(self.view, direction) for name, direction in self.flips.items()}

    def is_weighted(self, views: Mapping[str, View]) -> bool:
        return True

    @torch.no_grad()
    def build(self, context) -> dict:
        batch = context.batch(self.view)
        samples = batch['data_samples']
        confidence, labels = self.predicted(context)
        valid = validity(samples, tuple(labels.shape[-2:]), confidence)
        valid = torch.ones_like(confidence) if valid is None else valid[:, 0]
        confident = (confidence >= self.limits(confidence, labels, valid)).to(confidence) * valid
        weights = self.weights(confidence, confident, labels, valid)
        labels = labels.masked_fill(valid == 0, IGNORE_INDEX)
        return {**batch, 'data_samples': with_labels(samples, labels, weights)}

    def predicted(self, context) -> tuple[Tensor, Tensor]:
        """The largest probability and its class, both (N, H, W)."""
        logits = context.tap(f'{self.view}@teacher:prediction')
        if self.flips:
            seen = [logits.softmax(dim=1)]
            for name, direction in self.flips.items():
                seen.append(flip(context.tap(f'{name}@teacher:prediction').softmax(dim=1), direction))
            return torch.stack(seen).mean(dim=0).max(dim=1)
        # The largest of a softmax without the softmax of all classes.
        highest, labels = logits.max(dim=1)
        return (highest - logits.logsumexp(dim=1)).exp(), labels

    def limits(self, confidence: Tensor, labels: Tensor, valid: Tensor) -> Tensor | float:
        """The threshold, for all pixels or for each, (N, H, W)."""
        if not isinstance(self.threshold, Mapping):
            return self.threshold
        limits = torch.full_like(confidence, self.threshold['cap'])
        for index in labels[valid > 0].unique():
            of_class = labels == index
            median = confidence[of_class & (valid > 0)].median()
            limits[of_class] = median.clamp(max=self.threshold['cap'])
        return limits

    def weights(self, confidence: Tensor, confident: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """Weights of the pixels, (N, H, W) in [0, 1]."""
        if self.weight == 'pixel':
            return confident
        if self.weight == 'confidence':
            return confident * confidence
        if self.weight == 'image':
            share = confident.sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp_min(1)
            return share[:, None, None].expand_as(confidence).contiguous()
        if self.weight == 'batch':
            counts = torch.stack([confident.sum(), valid.sum()]).double()
            dist.all_reduce(counts)
            return torch.full_like(confidence, 1.0) * (counts[0] / counts[1].clamp_min(1)).to(confidence)
        return self._shares_of_classes(confident, labels, valid)

    def _shares_of_classes(self, confident: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        counts = torch.zeros(2, IGNORE_INDEX + 1, dtype=torch.float64, device=labels.device)
        counts[0].scatter_add_(0, labels.flatten(), confident.flatten().double())
        counts[1].scatter_add_(0, labels.flatten(), valid.flatten().double())
        dist.all_reduce(counts)
        return (counts[0] / counts[1].clamp_min(1)).to(confident)[labels]
