# Maximum mean discrepancy of the last feature maps: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = dict(
    terms=dict(
        mmd=dict(
            type='TapLoss',
            tap='source:features.3',
            reference='target:features.3',
            loss=dict(type='MMDLoss'),
            loss_weight=0.1,
        )
    )
)
