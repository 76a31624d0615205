"""Small configs of every registered term, view and segmentor of mmuda."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from mmuda.testing import ToyBackbone, plain_segmentor, segmentor

FOLDER = TemporaryDirectory()  # deleted with the process
PRETRAINED = str(Path(FOLDER.name) / 'encoder.pth')
with torch.random.fork_rng(devices=[]):
    torch.save(ToyBackbone(norm=False).state_dict(), PRETRAINED)

VANILLA = dict(type='GANLoss', gan_type='vanilla')
DISCRIMINATOR = dict(type='ToyDiscriminator', in_channels=3)
FINE = dict(source=dict(fine=40), target=dict(labelled=False, gain=0.5, fine=40))
CELLS = dict(source=dict(cells=5), target=dict(labelled=False))
EXEMPLARS = dict(source=dict(), target=dict(labelled=False), exemplar=dict(images=False))
WIDTH = dict(base_channels=2)
SUPER_RESOLUTION = dict(
    type='SuperResolutionSegmentor',
    backbone=dict(type='ResidualASPP', **WIDTH),
    sr_head=dict(type='SuperResolutionHead', **WIDTH),
    decode_head=dict(type='PyramidFusionHead', num_classes=3, **WIDTH),
)
SCALES = dict(segmentor(), type='HRDA', attention_head=dict(type='ToyHead'))
SUPER_RESOLVED = dict(segmentor=SUPER_RESOLUTION, streams=FINE)
TWO_HEADS = dict(segmentor=segmentor(auxiliary=True))
CLASSIFIERS = ('target:module.decode_head', 'target:module.auxiliary_head')
PROB = dict(source='source:prob', target='target:prob')
LOGITS = dict(source='source:logits', target='target:logits', resize_to='image', activation='softmax')
FEATURES = dict(source='source:features.1', target='target:features.1')
BOTH_FEATURES = {view: [f'{view}:features.{i}' for i in range(2)] for view in ('source', 'target')}
PARAMETERS = dict(first='source:parameters.decode_head', second='source:parameters.auxiliary_head')
ENCODER = dict(type='ToyBackbone', norm=False, init_cfg=dict(type='Pretrained', checkpoint=PRETRAINED))
IMAGES = dict(source='source:sr_image', target='target:fine_image', moves='source')

# (config, options of the check)
TERMS = [
    (dict(type='SupervisedTerm'), {}),
    (dict(type='AdversarialAlignment', discriminator=DISCRIMINATOR, loss=VANILLA, **PROB), {}),
    (dict(type='AdversarialAlignment', discriminator=DISCRIMINATOR, loss=VANILLA, **IMAGES), SUPER_RESOLVED),
    (dict(type='DiscrepancyAlignment', classifiers=CLASSIFIERS, local_weight=1.0, discriminator=DISCRIMINATOR,
          loss=VANILLA, **LOGITS), TWO_HEADS),
    (dict(type='LabelMapAlignment', prediction='target:logits', crop_size=12, loss=VANILLA, temperature=1.0,
          discriminator=dict(DISCRIMINATOR, in_channels=1)), dict(streams=EXEMPLARS)),
    (dict(type='CategoryAlignment', **FEATURES), {}),
    (dict(type='FeatureDistance', classes=(0, 1, 2), encoder=ENCODER), {}),
    (dict(type='FeatureDistance', classes=(0, 1, 2), encoder=ENCODER, image='source:context.image'),
     dict(segmentor=SCALES)),
    (dict(type='InstanceAlignment', classes=(1, 2), channels=4, memory=3, warmup=0, **FEATURES), {}),
    (dict(type='ParameterSimilarity', **PARAMETERS), TWO_HEADS),
    (dict(type='RegionAggregation'), dict(streams=CELLS)),
    (dict(type='StyleContentAlignment', **BOTH_FEATURES), {}),
    (dict(type='TapCrossEntropy', tap='source:aux.0.logits', gamma=2.0), TWO_HEADS),
    (dict(type='TapLoss', tap='target:sr_image', reference='target:fine_image', loss=dict(type='PixelMSELoss')),
     SUPER_RESOLVED),
    (dict(type='ForwardTerm'), dict(trains=())),
]  # fmt: skip
BOTH_LABELLED = dict(streams=dict(source=dict(), target=dict(gain=0.5)))
PSEUDO = dict(views=dict(pseudo=dict(type='PseudoLabels', threshold=0.4)))
MIXED = dict(views=dict(PSEUDO['views'], mixed=dict(type='ClassMix')))
VIEWS = [
    (dict(type='ChannelDropout', view='source'), {}),
    (dict(type='PseudoLabels', threshold=0.4), {}),
    (dict(type='PseudoLabels', threshold=0.4), dict(segmentor=SCALES)),
    (dict(type='PseudoLabels', threshold=dict(kind='median', cap=0.9), weight='class', flips=['horizontal']), {}),
    (dict(type='SuperResolvedView'), SUPER_RESOLVED),
    (dict(type='ClassMix'), PSEUDO),
    (dict(type='ClassMix', target='target', per='batch', ignore_index=None), BOTH_LABELLED),
    (dict(type='CutMix'), PSEUDO),
    (dict(type='Flipped'), {}),
    (dict(type='Masked'), PSEUDO),
    (dict(type='StrongAugmentation'), MIXED),
]
SEGMENTORS = [
    (segmentor(auxiliary=True), {}),
    (plain_segmentor(stride=2), {}),
    (dict(segmentor(), type='DirectEncoderDecoder'), {}),
    (SUPER_RESOLUTION, dict(streams=FINE)),
    (SCALES, {}),
    (dict(SCALES, grid=4, detail_size=(12, 4)), {}),
]
