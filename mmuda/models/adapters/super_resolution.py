"""The super-resolution segmentor read through taps."""

from __future__ import annotations

from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmuda.models.segmentors import SuperResolutionSegmentor
from mmuda.models.segmentors.two_scales import resized
from mmuda.registry import ADAPTERS
from mmuda.structures import DomainOutputs, perturbed
from mmuda.utils.errors import UserError

from .base import MODULE_PREFIX, SegmentorAdapter
from .encoder_decoder import LOGIT_TAPS
from .weighting import head_losses


@ADAPTERS.register_module()
class SuperResolutionAdapter(SegmentorAdapter):
    """Reads a :class:`SuperResolutionSegmentor`: the taps of EncoderDecoder, plus the super-resolved image.

    ``sr_image`` (N, 3, H', W'), in [-1, 1], has the size of the batch's ``fine_image``, which shows the same ground on
    the target's grid. The image branch and the segmentation branch each run only if they are read. ``prediction`` is
    the logits on the grid of the labels: the fine one.
    """

    honours_weights = True
    perturbs_features = True

    @classmethod
    def handles(cls, segmentor: nn.Module) -> bool:
        return isinstance(segmentor, SuperResolutionSegmentor)

    def offered(self, segmentor: nn.Module) -> list[str]:
        return [r'features\.0', 'logits', 'prob', 'prediction', 'sr_image', 'fine_image']

    def forward(self, segmentor: nn.Module, view: str, batch: dict, taps: set[str]) -> DomainOutputs:
        features, logits, extras = (), None, self.batch_extras(batch)
        whole = any(tap.startswith(MODULE_PREFIX) for tap in taps)
        run_head = whole or any(tap in LOGIT_TAPS for tap in taps)
        run_image = 'sr_image' in taps or any(tap.startswith(f'{MODULE_PREFIX}sr_head') for tap in taps)
        with self.recorded(segmentor, taps) as found:
            if run_head or run_image or 'features.0' in taps:
                features = perturbed(segmentor.extract_feat(batch['inputs']), batch)
            if run_image or (run_head and segmentor.with_fusion):
                upsampled = segmentor.sr_features(features)
            if run_head:
                logits = segmentor.decode(features, upsampled if segmentor.with_fusion else None)
            if 'prediction' in taps:
                size = batch['fine_image'].shape[-2:] if 'fine_image' in batch else logits.shape[-2:]
                extras['prediction'] = resized(logits, size, segmentor.align_corners)
            if run_image:
                extras['sr_image'] = segmentor.super_resolve(upsampled, self.fine_size(view, batch))
        return DomainOutputs(
            view=view,
            samples=batch['data_samples'],
            image=batch['inputs'],
            features=features,
            logits=logits,
            extras={**extras, **found},
        )

    @staticmethod
    def fine_size(view: str, batch: dict) -> tuple[int, int]:
        """Height and width of the target's grid for this batch."""
        if 'fine_image' not in batch:
            raise UserError(
                f"The view '{view}' has no 'fine_image', so the size of its super-resolved image is unknown; "
                "put the transform 'ResolutionPair' into the pipeline of its dataset."
            )
        return tuple(batch['fine_image'].shape[-2:])

    def supervised_losses(self, segmentor: nn.Module, outputs: DomainOutputs) -> dict[str, Tensor]:
        return add_prefix(head_losses(segmentor.decode_head, outputs.tap('logits'), outputs.samples), 'decode')
