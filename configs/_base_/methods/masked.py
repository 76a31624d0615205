# What masked image consistency adds to a training, by itself for mixtures: model = _base_.masked. The student predicts
# the teacher's labels of the target where most of the image is hidden.
masked = dict(
    ema=dict(momentum=0.001, buffers='own', batch_norm='batch'),
    views=dict(
        pseudo=dict(type='PseudoLabels', threshold=0.968, weight='batch'),
        recoloured=dict(type='StrongAugmentation', view='pseudo'),
        masked=dict(type='Masked', view='recoloured', ratio=0.7),  # blocks of a sixteenth of the crop
    ),
    terms=dict(masked=dict(type='SupervisedTerm', view='masked')),
)
