# Plain self-training (as CBST, one round): when the second stage begins, the current model labels the whole target and
# keeps the most confident half of each class.
method = dict(terms=dict(target=dict(type='ForwardTerm'), pseudo=dict(type='SupervisedTerm', view='pseudo')))
stages = [
    dict(name='initial', iters=75_000, terms=['supervised', 'target']),
    dict(
        name='self_training',
        iters=75_000,
        terms=['supervised', 'pseudo'],
        pseudo_labels=dict(threshold=dict(kind='portion', portion=0.5)),
    ),
]
