# DeepLabv3+ with an auxiliary classifier on the stage before the last, for multi-level methods.
_base_ = './deeplabv3plus-r101.py'
model = dict(
    segmentor=dict(
        auxiliary_head=dict(
            type='FCNHead',
            in_channels=1024,
            in_index=2,
            channels=256,
            num_convs=1,
            concat_input=False,
            dropout_ratio=0.1,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
        )
    )
)
