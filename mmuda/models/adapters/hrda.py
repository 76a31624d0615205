"""The segmentor of two scales read through taps."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from mmuda.models.segmentors import HRDA
from mmuda.models.segmentors.two_scales import Box
from mmuda.registry import ADAPTERS
from mmuda.structures import DomainOutputs, perturbed

from .base import MODULE_PREFIX, SegmentorAdapter
from .weighting import head_losses

FUSED_TAPS = {'logits', 'prob', 'supervised', 'detail.logits'}
CONTEXT_TAPS = {'attention', 'prediction', *FUSED_TAPS}
BOX = 'detail.box'  # (N, 4) on the CPU: where the detail lies, for the losses


@ADAPTERS.register_module()
class HRDAAdapter(SegmentorAdapter):
    """Reads :class:`HRDA`. The context runs once, the random detail and the slid one only if they are read.

    ``features.i``, ``module.<path>`` and ``attention`` (N, K, h, w) are of the context, whose image is
    ``context.image``. ``logits`` and ``prob`` are fused with a random detail, of which ``detail.logits`` are the class
    scores. ``prediction`` is fused with the detail of the whole image, on its grid.
    """

    honours_weights = True
    perturbs_features = True

    @classmethod
    def handles(cls, segmentor: nn.Module) -> bool:
        return isinstance(segmentor, HRDA)

    def offered(self, segmentor: nn.Module) -> list[str]:
        taps = ['logits', 'prob', 'prediction', 'attention', 'context.image', 'detail.logits']
        return [r'features\.-?\d+', *(tap.replace('.', r'\.') for tap in taps)]

    def forward(self, segmentor: nn.Module, view: str, batch: dict, taps: set[str]) -> DomainOutputs:
        image, extras = batch['inputs'], self.batch_extras(batch)
        size, features, logits = tuple(image.shape[-2:]), (), None
        change = partial(perturbed, batch=batch)
        with self.recorded(segmentor, taps) as found:
            if taps & CONTEXT_TAPS or any(tap.startswith(MODULE_PREFIX) for tap in taps):
                context = segmentor.context(image, change)
                features, extras['attention'] = context.features, context.attention
            elif any(tap.startswith('features.') for tap in taps):
                features = change(segmentor.extract_feat(segmentor.context_image(image)))
        extras.update(found)
        if 'context.image' in taps:
            extras['context.image'] = segmentor.context_image(image)
        if taps & FUSED_TAPS:
            box = segmentor.random_box(size)
            detail = segmentor.detail(box.of(image), change)
            logits = segmentor.fuse(context, detail, size, box)
            extras.update({'detail.logits': detail, BOX: torch.tensor([box], device='cpu').expand(len(image), 4)})
        if 'prediction' in taps:
            extras['prediction'] = segmentor.prediction(image, context, change)
        return DomainOutputs(
            view=view, samples=batch['data_samples'], image=image, features=features, logits=logits, extras=extras
        )

    def supervised_losses(self, segmentor: nn.Module, outputs: DomainOutputs) -> dict[str, Tensor]:
        return segmentor.losses(
            outputs.tap('logits'),
            outputs.tap('detail.logits'),
            Box(*outputs.tap(BOX)[0].tolist()),
            outputs.samples,
            tuple(outputs.image.shape[-2:]),
            partial(head_losses, segmentor.decode_head),
        )
