# A stage of self-training after the output-space alignment, for narrow networks and short trainings: its additions to
# the model and the training.
labels = dict(tile=1024, threshold=dict(kind='median', cap=0.9))
stages = [
    dict(name='initial', iters=1200, terms=['supervised', 'output']),
    dict(name='self_training', iters=800, terms=['supervised', 'output', 'pseudo'], pseudo_labels=labels),
]
pseudo = dict(type='SupervisedTerm', view='pseudo')
self_training = [dict(batch_norm=['target', 'pseudo'], terms=dict(pseudo=pseudo)), dict(stages=stages)]
