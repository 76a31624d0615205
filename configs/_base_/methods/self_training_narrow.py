# self_training.py for narrow networks and short trainings: AdaBN during training comes first.
_base_ = './self_training.py'
method = dict(batch_norm=['target', 'pseudo'])
labels = dict(tile=1024, threshold=dict(kind='portion', portion=0.5))
stages = [
    dict(name='initial', iters=1200, terms=['supervised', 'target']),
    dict(name='self_training', iters=800, terms=['supervised', 'pseudo'], pseudo_labels=labels),
]
