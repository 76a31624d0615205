# Additions to SRDA-Net in a mixture: category alignment (ISIA) in the joint stage, and a stage of self-training.
further = dict(
    terms=dict(
        category=dict(type='CategoryAlignment', loss_weight=0.01),
        pseudo=dict(type='SupervisedTerm', view='pseudo', loss_weight=5.0),
    )
)
adapt = ['supervised', 'fed_back', 'identity_target', 'identity_source', 'fixed_point', 'pixel', 'output', 'category']
labels = dict(tile=512, threshold=dict(kind='median', cap=0.9))
adaptation = [dict(name='joint', terms=adapt), dict(name='self_training', pseudo_labels=labels)]
