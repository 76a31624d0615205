# deeplabv3plus-effl0.py with an auxiliary classifier on the stage before the last, for multi-level methods.
_base_ = './deeplabv3plus-effl0.py'
auxiliary_head = dict(
    type='FCNHead',
    in_channels=112,
    in_index=2,
    channels=32,
    num_convs=1,
    concat_input=False,
    norm_cfg=dict(type='BN', requires_grad=True),
    align_corners=False,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
)
model = dict(segmentor=dict(auxiliary_head=auxiliary_head))
