# Category-divergence guidance: output-space adversarial (GFA), category (ISIA) and instance (AIM) alignment. A config
# that leaves one out sets its term to None.
_base_ = './output_space.py'
method = dict(
    terms=dict(
        output=dict(_base_.output, discriminator_weight=1.0),  # lambda_D = 1; the sum over both domains
        category=dict(type='CategoryAlignment', inter_weight=1.0, loss_weight=0.001),  # beta = inter_weight
        instance=dict(
            type='InstanceAlignment',
            classes=(5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 18),  # things of Cityscapes
            warmup=5000,  # the paper mentions it, but not its length
            loss_weight=0.001,
        ),
    )
)
# Self-training (13) keeps every term of the initial training (12). When the stage begins, the current model labels the
# whole target where it is confident.
retraining = dict(batch_norm=['target', 'pseudo'], terms=dict(pseudo=dict(type='SupervisedTerm', view='pseudo')))
stages = [
    dict(name='initial', iters=40_000, terms=['supervised', 'output', 'category', 'instance']),
    dict(name='retrain', iters=80_000, pseudo_labels=dict(threshold=dict(kind='median', cap=0.9))),
]
