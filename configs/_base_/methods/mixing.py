# What DACS adds to a training, by itself for mixtures: model = _base_.mixing.
mixing = dict(
    ema=dict(momentum=0.01, buffers='own', batch_norm='batch'),
    views=dict(
        pseudo=dict(type='PseudoLabels', threshold=0.968, weight='batch'),
        mixed=dict(type='ClassMix', source='source', target='pseudo'),
        strong=dict(type='StrongAugmentation', view='mixed'),
    ),
    terms=dict(mixed=dict(type='SupervisedTerm', view='strong')),
)
