"""The methods that the wrapper must carry, as configs of toy networks.

Run as a script by each of several processes, it trains all of them and writes what each rank reached::

    RANK=0 WORLD_SIZE=2 ... python compositions.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.models.terms import AdversarialAlignment
from mmuda.models.views import View
from mmuda.registry import MODELS, TERMS, VIEWS
from mmuda.testing.toy import CLASSES, segmentor
from tests.helpers import CONFIGS
from tests.helpers.toy import build_runner, config, optimizer, streams

FINE = 40
DISCRIMINATOR = dict(type='ToyDiscriminator', in_channels=CLASSES)
VANILLA = dict(type='GANLoss', gan_type='vanilla')
OUTPUT = dict(
    type='AdversarialAlignment', source='source:prob', target='target:prob', discriminator=DISCRIMINATOR, loss=VANILLA
)
FEATURE = dict(
    type='AdversarialAlignment',
    source='source:module.backbone.conv2',
    target='target:module.backbone.conv2',
    discriminator=dict(type='ToyDiscriminator', in_channels=4),
    loss=VANILLA,
)
GENERATOR = dict(params=['segmentor'], optimizer=optimizer('SGD', momentum=0.9))
DISCRIMINATORS = dict(params=['terms.*.discriminator'], optimizer=optimizer())
TWO_OPTIMIZERS = dict(segmentor=GENERATOR, discriminator=DISCRIMINATORS)
# The third iteration is the last one of the first stage.
STAGES = [dict(name='source', iters=3, terms=['supervised']), dict(name='adapt', iters=4)]
POLY = dict(param_scheduler=[dict(type='PolyLR', power=0.9, begin=0, end=9, by_epoch=False)])


def srda() -> dict:
    """SRDA-Net: E and R learn to super-resolve, then everything is trained together."""
    width = dict(base_channels=2)
    adversarial = dict(type='AdversarialAlignment')
    model = dict(
        type='DomainAdaptation',
        segmentor=dict(
            type='SuperResolutionSegmentor',
            backbone=dict(type='ResidualASPP', **width),
            sr_head=dict(type='SuperResolutionHead', **width),
            decode_head=dict(type='PyramidFusionHead', num_classes=CLASSES, **width),
        ),
        views=dict(fed_back=dict(type='SuperResolvedView', image='source:sr_image')),
        terms=dict(
            fed_back=dict(type='SupervisedTerm', view='fed_back'),
            identity=dict(
                type='TapLoss',
                tap='target:sr_image',
                reference='target:fine_image',
                loss=dict(type='PixelMSELoss'),
            ),
            fixed_point=dict(
                type='TapLoss',
                tap='fed_back:features.0',
                reference='source:features.0',
                loss=dict(type='PixelL1Loss'),
            ),
            pixel=dict(
                source='source:sr_image',
                target='target:fine_image',
                moves='source',
                discriminator=dict(type='PatchDiscriminator', **width),
                loss=dict(type='GANLoss', gan_type='lsgan'),
                **adversarial,
            ),
            output=dict(
                source='source:prob',
                target='target:prob',
                discriminator=dict(type='FCDiscriminator', in_channels=CLASSES, **width),
                loss=VANILLA,
                **adversarial,
            ),
        ),
    )
    stages = [
        dict(
            name='pretrain',
            iters=3,
            terms=['identity', 'fixed_point', 'pixel'],
            trainable=['!segmentor.decode_head', '!terms.output'],
        ),
        dict(name='joint', iters=4),
    ]
    dataset = streams()
    dataset['source']['fine'] = dataset['target']['fine'] = FINE
    return config(model, stages, TWO_OPTIMIZERS, dataset, **POLY)


def three_steps() -> dict:
    """DANN in three updates: task, domain classifier, encoder; the encoder belongs to two optimisers."""
    plan = [
        dict(name='task', losses=['supervised.*'], optimizers=['task'], forward='fresh'),
        dict(name='domain', losses=['*.discriminator'], optimizers=['domain'], forward='fresh', detach=True),
        dict(name='confuse', losses=['feature.segmentor'], optimizers=['encoder'], forward='fresh'),
    ]
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=dict(feature=FEATURE), plan=plan)
    optimizers = dict(
        task=dict(params=['segmentor'], optimizer=optimizer()),
        domain=dict(params=['terms.feature.discriminator'], optimizer=optimizer()),
        encoder=dict(params=['segmentor.backbone'], optimizer=optimizer('SGD', momentum=0.9)),
    )
    return config(model, STAGES, optimizers)


def reversal() -> dict:
    """DANN as first published: one backward through a gradient reversal, two optimisers."""
    plan = [
        dict(
            name='all',
            losses=['supervised.segmentor', 'feature.reversal'],
            optimizers=['segmentor', 'discriminator'],
            forward='fresh',
        )
    ]
    # Without its term the discriminator has no gradient; the stage's own plan leaves its optimiser alone.
    alone = [dict(name='source', losses=['supervised.*'], optimizers=['segmentor'], forward='fresh')]
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=dict(feature=FEATURE), plan=plan)
    return config(model, [dict(STAGES[0], plan=alone), STAGES[1]], TWO_OPTIMIZERS)


def several_discriminator_steps() -> dict:
    """A discriminator that steps twice an iteration, a segmentor that steps at every second one."""
    plan = [
        dict(
            name='discriminator', losses=['*.discriminator'], optimizers=['discriminator'], detach=True, repeat=2,
            forward='fresh',
        ),
        dict(name='segmentor', losses=['*.segmentor'], optimizers=['segmentor'], every=2),
    ]  # fmt: skip
    term = dict(OUTPUT, loss=dict(type='GANLoss', gan_type='wgan'), gradient_penalty=10.0)
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=dict(output=term), plan=plan)
    return config(model, [STAGES[0], dict(STAGES[1], iters=5)], TWO_OPTIMIZERS)


@TERMS.register_module(force=True)
class ToyDiscrepancyAlignment(AdversarialAlignment):
    """CLAN: the adversarial loss weighs most where two classifiers disagree (1 - cosine similarity)."""

    def reads(self, phase: str) -> set[str]:
        return super().reads(phase) | ({'target:aux.0.prob'} if phase == 'segmentor' else set())

    def weight(self, domain: str, context) -> Tensor:
        main, other = context.tap(f'{domain}:prob'), context.tap(f'{domain}:aux.0.prob')
        return (1 + 4 * (1 - F.cosine_similarity(main, other, dim=1))).unsqueeze(1).detach()


def clan() -> dict:
    """CLAN: category-level weights from a main and an auxiliary classifier."""
    model = dict(
        type='DomainAdaptation',
        segmentor=segmentor(auxiliary=True),
        terms=dict(output=dict(OUTPUT, type='ToyDiscrepancyAlignment')),
    )
    return config(model, STAGES, TWO_OPTIMIZERS, **POLY)


def labelled(labels: Tensor) -> list[SegDataSample]:
    """Samples with the label maps (N, h, w)."""
    samples = [SegDataSample() for _ in labels]
    for sample, label in zip(samples, labels, strict=True):
        sample.gt_sem_seg = PixelData(data=label[None])
    return samples


@VIEWS.register_module(force=True)
class ClassMixView(View):
    """ClassMix: the pixels of one random class of the source pasted onto the target and its pseudo labels."""

    def reads(self) -> set[str]:
        return {'source:image', 'source:label', 'target:image', 'target@teacher:prob'}

    def build(self, context) -> dict:
        label = context.tap('source:label')
        pasted = label == torch.randint(CLASSES, (len(label), 1, 1), device=label.device)
        image = torch.where(pasted.unsqueeze(1), context.tap('source:image'), context.tap('target:image'))
        pseudo = context.tap('target@teacher:prob').argmax(dim=1)
        return dict(inputs=image, data_samples=labelled(torch.where(pasted, label, pseudo)))


@VIEWS.register_module(force=True)
class MaskedView(View):
    """MIC: a view whose random patches of 4 x 4 pixels are hidden."""

    def __init__(self, view: str) -> None:
        self.view = view

    def reads(self) -> set[str]:
        return {f'{self.view}:image'}

    def build(self, context) -> dict:
        image = context.tap(f'{self.view}:image')
        keep = (torch.rand(len(image), 1, 4, 4, device=image.device) > 0.5).float()
        return {**context.batch(self.view), 'inputs': image * F.interpolate(keep, size=image.shape[-2:])}


@MODELS.register_module(force=True)
class SoftCrossEntropy(torch.nn.Module):
    """Cross entropy of logits against a distribution, both (N, K, h, w)."""

    def forward(self, logits: Tensor, prob: Tensor) -> Tensor:
        return -(prob * logits.log_softmax(dim=1)).sum(dim=1).mean()


def self_training() -> dict:
    """Teacher, mix, mask, student; mixed and masked batches and the consistency share one teacher forward."""
    consistency = dict(type='TapLoss', reference='target@teacher:prob', loss=dict(type='SoftCrossEntropy'))
    model = dict(
        type='DomainAdaptation',
        segmentor=segmentor(),
        ema=dict(momentum=0.1),
        views=dict(
            mixed=dict(type='ClassMixView'),
            masked_mix=dict(type='MaskedView', view='mixed'),
            masked=dict(type='MaskedView', view='target'),
        ),
        terms=dict(
            mixed=dict(type='SupervisedTerm', view='mixed'),
            masked_mix=dict(type='SupervisedTerm', view='masked_mix'),
            masked=dict(consistency, tap='masked:logits'),
        ),
    )
    return config(model, STAGES, dict(segmentor=GENERATOR))


def exemplars() -> dict:
    """Low2High: a stream of label maps without images, and supervision of another kind."""
    model = dict(
        type='DomainAdaptation',
        segmentor=segmentor(),
        terms=dict(
            supervised=dict(type='RegionAggregation'),
            map=dict(
                type='LabelMapAlignment',
                prediction='target:logits',
                discriminator=dict(DISCRIMINATOR, in_channels=1),
                loss=VANILLA,  # the hinge leaves a bias alone while both domains lie inside it
                crop_size=12,
            ),
        ),
    )
    dataset = streams(exemplar=dict(type='ToyDataset', images=False))
    dataset['source'] = dict(type='ToyDataset', cells=5)
    return config(model, STAGES, TWO_OPTIMIZERS, dataset)


def accumulated() -> dict:
    """CLAN whose updates wait for three batches; the last of a stage may have fewer."""
    optimizers = {name: dict(cfg, accumulative_counts=3) for name, cfg in TWO_OPTIMIZERS.items()}
    return dict(clan(), optim_wrapper=dict(constructor='NamedOptimWrapperConstructor', **optimizers))


def base(name: str) -> dict:
    """The method that ``configs/_base_/methods`` ships under a name."""
    method = Config.fromfile(CONFIGS / f'_base_/methods/{name}.py').method.to_dict()
    method['segmentor'] = segmentor()
    method['ema']['evaluate'] = False  # the first stage does not forward the teacher
    for view in method['views'].values():
        if view['type'] == 'PseudoLabels' and not isinstance(view['threshold'], dict):
            view['threshold'] = 0.3  # toy networks are never surer
    return dict(method, type='DomainAdaptation')


def mic() -> dict:
    """MIC on DAFormer: mixed, recoloured and masked views of one teacher's labels."""
    return config(base('mic'), STAGES, dict(segmentor=GENERATOR))


def mic_on_hrda() -> dict:
    """The same on a segmentor of two scales."""
    model = base('mic')
    model['segmentor'] = dict(segmentor(), type='HRDA', attention_head=dict(type='ToyHead'))
    return config(model, STAGES, dict(segmentor=GENERATOR))


def mic_on_adaptsegnet() -> dict:
    """Masked images beside a discriminator of predictions."""
    model = base('mic_on_adaptsegnet')
    model['terms']['output'] = OUTPUT
    return config(model, STAGES, TWO_OPTIMIZERS)


def unimatch_v2() -> dict:
    """A stream of labelled target tiles, and two strong views whose features are dropped in complement."""
    dataset = streams(labelled_target=dict(type='ToyDataset', gain=0.5))
    return config(base('unimatch_v2'), STAGES, dict(segmentor=GENERATOR), dataset)


def source_free() -> dict:
    """Self-training on the target alone, with a threshold for each class and the diversity of predictions."""
    model = base('source_free')
    dataset = dict(type='UDADataset', target=streams()['target'])
    stages = [dict(name='mixed', iters=3, terms=['mixed']), dict(name='all', iters=4)]
    return config(model, stages, dict(segmentor=GENERATOR), dataset)


COMPOSITIONS = dict(
    srda=srda,
    three_steps=three_steps,
    reversal=reversal,
    several_discriminator_steps=several_discriminator_steps,
    clan=clan,
    self_training=self_training,
    exemplars=exemplars,
    accumulated=accumulated,
    mic=mic,
    mic_on_hrda=mic_on_hrda,
    mic_on_adaptsegnet=mic_on_adaptsegnet,
    unimatch_v2=unimatch_v2,
    source_free=source_free,
)


def main(folder: Path) -> None:
    """Train every composition as one of several processes; write what each one reached."""
    from mmengine.dist import get_rank

    from mmuda.apis.distributed import init_distributed

    torch.set_num_threads(1)
    init_distributed('pytorch', timeout=60)
    for name, composition in COMPOSITIONS.items():
        cfg = composition()
        for stage in cfg['train_cfg']['stages']:
            stage['iters'] = 2
        runner = build_runner(cfg, folder / name, launcher='pytorch')
        runner.train()
        torch.save(runner.model.state_dict(), folder / f'{name}_{get_rank()}.pth')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
