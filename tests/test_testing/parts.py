"""Small configs of every registered term, view and segmentor of mmuda."""

from mmuda.testing import plain_segmentor, segmentor

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
TWO_HEADS = dict(segmentor=segmentor(auxiliary=True))
CLASSIFIERS = ('module.decode_head', 'module.auxiliary_head')

# (config, options of the check)
TERMS = [
    (dict(type='SupervisedTerm'), {}),
    (dict(type='AdversarialAlignment', tap='prob', discriminator=DISCRIMINATOR, loss=VANILLA), {}),
    (dict(type='AdversarialAlignment', tap='sr_image', real='fine_image', discriminator=DISCRIMINATOR, loss=VANILLA),
     dict(segmentor=SUPER_RESOLUTION, streams=FINE)),
    (dict(type='DiscrepancyAlignment', tap='logits', resize_to='image', activation='softmax', local_weight=1.0,
          classifiers=CLASSIFIERS, discriminator=DISCRIMINATOR, loss=VANILLA), TWO_HEADS),
    (dict(type='LabelMapAlignment', view='target', crop_size=12, loss=VANILLA, temperature=1.0,
          discriminator=dict(DISCRIMINATOR, in_channels=1)), dict(streams=EXEMPLARS)),
    (dict(type='CategoryAlignment', class_vector='feature', feature='features.1'), {}),
    (dict(type='InstanceAlignment', classes=(1, 2), channels=4, feature='features.1', memory=3, warmup=0), {}),
    (dict(type='ParameterSimilarity', first='decode_head', second='auxiliary_head'), TWO_HEADS),
    (dict(type='RegionAggregation'), dict(streams=CELLS)),
    (dict(type='StyleContentAlignment', stages=(0, 1)), {}),
    (dict(type='TapCrossEntropy', tap='source:aux.0.logits', gamma=2.0), TWO_HEADS),
    (dict(type='TapLoss', tap='target:sr_image', reference='target:fine_image', loss=dict(type='PixelMSELoss')),
     dict(segmentor=SUPER_RESOLUTION, streams=FINE)),
    (dict(type='ForwardTerm'), dict(trains=())),
]  # fmt: skip
VIEWS = [(dict(type='SuperResolvedView'), dict(segmentor=SUPER_RESOLUTION, streams=FINE))]
SEGMENTORS = [
    (segmentor(auxiliary=True), {}),
    (plain_segmentor(stride=2), {}),
    (dict(segmentor(), type='DirectEncoderDecoder'), {}),
    (SUPER_RESOLUTION, dict(streams=FINE)),
]
