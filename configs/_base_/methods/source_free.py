# Self-training without the source: student and teacher start from a trained segmentor (load_from). The student learns
# the teacher's labels on mixtures of target images, and where most of an image is hidden.
strong = dict(type='StrongAugmentation')
method = dict(
    batch_norm='shared',
    segmentor=dict(backbone=dict(init_cfg=None)),  # the checkpoint has all weights
    # Without the warm-up, which would follow the student from the first step on: this teacher's start is not random.
    ema=dict(momentum=0.001, warm_up=False, buffers='own', batch_norm='batch', evaluate=True),
    views=dict(
        # The surer half of each class at least, so that the majority does not crowd out the others.
        pseudo=dict(type='PseudoLabels', threshold=dict(kind='median', cap=0.9), weight='pixel'),
        mixed=dict(type='ClassMix', source='pseudo', target='pseudo'),
        strong=dict(strong, view='mixed'),
        recoloured=dict(strong, view='pseudo'),
        masked=dict(type='Masked', view='recoloured'),
    ),
    terms=dict(
        supervised=None,
        mixed=dict(type='SupervisedTerm', view='strong'),
        masked=dict(type='SupervisedTerm', view='masked'),
        # Without it rare classes vanish (docs/results/teachers.md). It pulls towards equal shares of all classes: lower
        # its weight where the target's are far from that.
        diversity=dict(
            type='TapLoss',
            tap='strong:prediction',
            activation='softmax',
            loss=dict(type='DiversityLoss'),
            loss_weight=1.0,
        ),
    ),
)
