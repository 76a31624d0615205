"""mmseg's EncoderDecoder read through taps."""

from __future__ import annotations

from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from mmseg.models.utils import resize
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmuda.registry import ADAPTERS
from mmuda.structures import DomainOutputs, perturbed

from .base import MODULE_PREFIX, SegmentorAdapter
from .weighting import head_losses

LOGIT_TAPS = ('logits', 'prob', 'prediction', 'supervised')


def heads_of(segmentor: EncoderDecoder) -> list[nn.Module]:
    """The auxiliary heads as a list, however the config gave them."""
    if not segmentor.with_auxiliary_head:
        return []
    heads = segmentor.auxiliary_head
    return list(heads) if isinstance(heads, nn.ModuleList) else [heads]


@ADAPTERS.register_module()
class EncoderDecoderAdapter(SegmentorAdapter):
    """Reads any mmseg ``EncoderDecoder`` whose heads return logits.

    One pass of ``extract_feat``, head ``forward`` and ``loss_by_feat`` gives features, logits and losses; mmseg's
    own forward modes give one of them each. Which heads run depends on the taps that are read. ``prediction`` is the
    logits on the grid of the image, as in mmseg's prediction of a whole image.
    """

    honours_weights = True
    perturbs_features = True

    @classmethod
    def handles(cls, segmentor: nn.Module) -> bool:
        return isinstance(segmentor, EncoderDecoder) and not isinstance(segmentor, CascadeEncoderDecoder)

    def offered(self, segmentor: nn.Module) -> list[str]:
        offered = [r'features\.-?\d+', 'logits', 'prob', 'prediction']
        return offered + [rf'aux\.{i}\.(logits|prob)' for i in range(len(heads_of(segmentor)))]

    def forward(self, segmentor: nn.Module, view: str, batch: dict, taps: set[str]) -> DomainOutputs:
        features, logits, aux_logits = (), None, ()
        whole = any(tap.startswith(MODULE_PREFIX) for tap in taps)
        run_head = whole or any(tap in LOGIT_TAPS for tap in taps)
        run_aux = 'supervised' in taps or any(
            tap.startswith(('aux.', f'{MODULE_PREFIX}auxiliary_head')) for tap in taps
        )
        with self.recorded(segmentor, taps) as found:
            if run_head or run_aux or any(tap.startswith('features.') for tap in taps):
                features = perturbed(segmentor.extract_feat(batch['inputs']), batch)
            if run_head:
                logits = segmentor.decode_head(features)
            if run_aux:
                aux_logits = tuple(head(features) for head in heads_of(segmentor))
            if 'prediction' in taps:
                size = batch['inputs'].shape[-2:]
                found['prediction'] = resize(logits, size, mode='bilinear', align_corners=segmentor.align_corners)
        return DomainOutputs(
            view=view,
            samples=batch['data_samples'],
            image=batch['inputs'],
            features=features,
            logits=logits,
            aux_logits=aux_logits,
            extras={**self.batch_extras(batch), **found},
        )

    def supervised_losses(self, segmentor: nn.Module, outputs: DomainOutputs) -> dict[str, Tensor]:
        losses = add_prefix(head_losses(segmentor.decode_head, outputs.tap('logits'), outputs.samples), 'decode')
        for i, head in enumerate(heads_of(segmentor)):
            aux = head_losses(head, outputs.tap(f'aux.{i}.logits'), outputs.samples)
            losses.update(add_prefix(aux, f'aux_{i}'))
        return losses
