# DACS (https://arxiv.org/abs/2007.08702): a teacher labels the target; half of the classes of a source image are pasted
# onto a target image, image and label; the student learns the mixture after a change of its colours.
method = dict(
    batch_norm='shared',
    ema=dict(momentum=0.01, buffers='own', batch_norm='batch'),
    views=dict(
        pseudo=dict(type='PseudoLabels', threshold=0.968, weight='batch'),
        mixed=dict(type='ClassMix', source='source', target='pseudo'),
        strong=dict(type='StrongAugmentation', view='mixed'),
    ),
    terms=dict(mixed=dict(type='SupervisedTerm', view='strong')),
)
