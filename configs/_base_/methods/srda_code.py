# srda.py as the authors' released code trains it: perceptual and total-variation losses on the target in addition to
# (3); the two cross entropies averaged and weighted by 10.
_base_ = './srda.py'
method = dict(
    terms=dict(
        supervised=dict(loss_weight=5.0),
        fed_back=dict(loss_weight=5.0),
        identity_target_perceptual=dict(_base_.fine_target, loss=_base_.perceptual, loss_weight=0.006 * _base_.beta),
        total_variation=dict(
            type='TapLoss',
            tap='target:sr_image',
            loss=dict(type='TotalVariationLoss'),
            loss_weight=2e-8 * _base_.beta,
        ),
    )
)
