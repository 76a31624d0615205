# Maximum mean discrepancy of the last feature maps.
mmd = dict(
    type='TapLoss',
    tap='source:features.3',
    reference='target:features.3',
    loss=dict(type='MMDLoss'),
    loss_weight=0.1,
)
method = dict(terms=dict(mmd=mmd))
