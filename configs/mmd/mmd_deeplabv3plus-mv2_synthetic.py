# Maximum mean discrepancy of the last feature maps: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2_isprs.py',
    '../_base_/datasets/synthetic.py',
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
