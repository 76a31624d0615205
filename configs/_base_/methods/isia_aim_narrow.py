# isia_aim.py for narrow networks and short trainings.
_base_ = ['./isia_aim.py', './narrow.py']
method = dict(
    terms=dict(
        output=dict(discriminator=_base_.narrow, discriminator_weight=0.5, loss_weight=0.05),
        category=dict(loss_weight=0.01),
        instance=dict(warmup=500),
    )
)
threshold = dict(kind='median', cap=0.9)
stages = [
    dict(name='initial', iters=1200, terms=['supervised', 'output', 'category', 'instance']),
    dict(name='retrain', iters=800, pseudo_labels=dict(tile=1024, threshold=threshold)),
]
