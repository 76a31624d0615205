"""Parts that each break one rule; a module of its own, since a second process imports it."""

from __future__ import annotations

import torch
from mmseg.models.segmentors import EncoderDecoder
from torch import nn

from mmuda.models.adapters import EncoderDecoderAdapter
from mmuda.models.terms import Term
from mmuda.models.views import View
from mmuda.registry import ADAPTERS, MODELS, TERMS, VIEWS


@TERMS.register_module()
class Mean(Term):
    """The mean square of the target's logits; what the broken terms vary. Keeps all rules."""

    def reads(self, phase):
        return {'target:logits'}

    def losses(self, phase, context):
        return {'loss': self.value(context.tap('target:logits'), context)}

    def value(self, logits, context):
        return logits.square().mean()


@TERMS.register_module()
class ReadsUndeclaredTap(Mean):
    def value(self, logits, context):
        return logits.square().mean() + 0 * context.tap('source:label').sum()


@TERMS.register_module()
class ReadsUndeclaredBatch(Mean):
    def value(self, logits, context):
        return logits.square().mean() * len(context.batch('source')['data_samples'])


@TERMS.register_module()
class ReachesIntoContext(Mean):
    def value(self, logits, context):
        return logits.square().mean() * len(context._streams)


@TERMS.register_module()
class GivesMap(Mean):
    def value(self, logits, context):
        return logits.square()


@TERMS.register_module()
class GivesNumber(Mean):
    def value(self, logits, context):
        return logits.square().mean().item()


@TERMS.register_module()
class GivesNaN(Mean):
    def value(self, logits, context):
        return (logits - logits.amax(dim=1, keepdim=True) - 1).sqrt().mean()


@TERMS.register_module()
class NamesNoLoss(Mean):
    def losses(self, phase, context):
        logits = context.tap('target:logits')
        return {'loss': logits.square().mean(), 'entropy': logits.abs().mean()}


@TERMS.register_module()
class TrainsNothing(Mean):
    def value(self, logits, context):
        return logits.detach().square().mean()


@TERMS.register_module()
class KeepsGraphInDetachedStep(Mean):
    """Remembers the logits of its segmentor's step and trains its discriminator on them."""

    phases = ('segmentor', 'discriminator')

    def __init__(self):
        super().__init__()
        self.discriminator = nn.Conv2d(3, 1, 1)

    def losses(self, phase, context):
        logits = context.tap('target:logits')
        if phase == 'segmentor' and logits.requires_grad:
            self.seen = lambda: logits
        return {'loss': self.discriminator(self.seen()).square().mean()}


@TERMS.register_module()
class KeepsGraph(Mean):
    """A running mean without ``no_grad``: the graph of all iterations hangs on it."""

    def __init__(self):
        super().__init__()
        self.register_buffer('mean', torch.zeros(()))

    def value(self, logits, context):
        self.mean = 0.5 * self.mean + logits.mean()
        return (logits - self.mean).square().mean()


@TERMS.register_module()
class RemembersInList(Mean):
    def __init__(self):
        super().__init__()
        self.means = []

    def value(self, logits, context):
        self.means.append(logits.mean().detach())
        return (logits - torch.stack(self.means).mean()).square().mean()


@TERMS.register_module()
class GrowsItsState(Mean):
    def __init__(self):
        super().__init__()
        self.register_buffer('means', torch.zeros(0))

    def value(self, logits, context):
        self.means = torch.cat([self.means, logits.mean().detach()[None]])
        return (logits - self.means.mean()).square().mean()


@TERMS.register_module()
class ComputesInHalf(Mean):
    def value(self, logits, context):
        return logits.bfloat16().square().mean().float()


@TERMS.register_module()
class LocalToItsRank(Mean):
    """A running mean of the batches of its own rank."""

    def __init__(self):
        super().__init__()
        self.register_buffer('mean', torch.zeros(()))

    @torch.no_grad()
    def remember(self, logits):
        self.mean.mul_(0.5).add_(logits.mean())

    def value(self, logits, context):
        self.remember(logits)
        return (logits - self.mean).square().mean()


@VIEWS.register_module()
class ViewReadsUndeclaredTap(View):
    def reads(self):
        return {'target:image'}

    def build(self, context):
        return {**context.batch('target'), 'inputs': context.tap('target:image') + context.tap('source:image')}


@VIEWS.register_module()
class ViewOfNobody(View):
    network = 'somebody'

    def reads(self):
        return {'target:image'}


@VIEWS.register_module()
class ViewLosesSamples(View):
    def reads(self):
        return {'target:image'}

    def build(self, context):
        return {**context.batch('target'), 'inputs': context.tap('target:image')[:1]}


@VIEWS.register_module()
class ViewCounts(View):
    """Darker at every call, which no checkpoint knows."""

    def __init__(self):
        self.calls = 0

    def reads(self):
        return {'target:image'}

    def build(self, context):
        self.calls += 1
        return {**context.batch('target'), 'inputs': context.tap('target:image') * 0.9**self.calls}


@MODELS.register_module()
class SegmentorWithoutAdapter(nn.Module):
    pass


@MODELS.register_module()
class SegmentorReadsItsWeights(EncoderDecoder):
    """Looks at values when it is built; on the meta device there are none."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = next(self.parameters()).sum().item()


@MODELS.register_module()
class SegmentorOnItsOwnGrid(EncoderDecoder):
    def predict(self, inputs, data_samples=None):
        for sample in data_samples:
            sample.set_metainfo(dict(ori_shape=tuple(inputs.shape[-2:])))
        return super().predict(inputs, data_samples)


@MODELS.register_module()
class SegmentorForwardsTwice(EncoderDecoder):
    pass


@ADAPTERS.register_module()
class ForwardsTwice(EncoderDecoderAdapter):
    @classmethod
    def handles(cls, segmentor):
        return isinstance(segmentor, SegmentorForwardsTwice)

    def supervised_losses(self, segmentor, outputs):
        logits = segmentor.decode_head(segmentor.extract_feat(outputs.image))
        return segmentor.decode_head.loss_by_feat(logits, outputs.samples)


@MODELS.register_module()
class SegmentorPromisesTap(EncoderDecoder):
    pass


@ADAPTERS.register_module()
class PromisesTap(EncoderDecoderAdapter):
    @classmethod
    def handles(cls, segmentor):
        return isinstance(segmentor, SegmentorPromisesTap)

    def offered(self, segmentor):
        return [*super().offered(segmentor), 'depth']
