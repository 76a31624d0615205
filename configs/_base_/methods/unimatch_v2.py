# UniMatch V2 (https://arxiv.org/abs/2410.10777) beside a source: the config adds a stream `labelled_target`, a few
# images of the target with labels. A teacher labels the target. The student learns its confident pixels on two strong
# views whose features are dropped in complement. The released network has no batch norm; here the teacher normalises by
# its batch, as in DACS.
strong = dict(
    type='StrongAugmentation',
    view='pseudo',
    style='torchvision',
    brightness=0.5,
    contrast=0.5,
    saturation=0.5,
    hue=0.25,
    grey_probability=0.2,
    sigma=(0.1, 2.0),
)
method = dict(
    batch_norm='shared',
    ema=dict(momentum=0.004, buffers='own', batch_norm='batch', evaluate=True),
    views=dict(
        pseudo=dict(type='PseudoLabels', threshold=0.95, weight='pixel'),
        strong_1=strong,
        strong_2=strong,
        mixed_1=dict(type='CutMix', source='strong_1', target='strong_1', probability=0.5),
        mixed_2=dict(type='CutMix', source='strong_2', target='strong_2', probability=0.5),
        dropped_1=dict(type='ChannelDropout', view='mixed_1'),
        dropped_2=dict(type='ChannelDropout', view='mixed_2', complement_of='dropped_1'),
    ),
    terms=dict(
        labelled_target=dict(type='SupervisedTerm', view='labelled_target'),
        # Each: the sum over confident pixels over the number of all; together their mean.
        consistency_1=dict(type='SupervisedTerm', view='dropped_1', loss_weight=0.5),
        consistency_2=dict(type='SupervisedTerm', view='dropped_2', loss_weight=0.5),
    ),
)
