# DeepLab-v2 with a second classifier on the stage before the last, for multi-level methods.
_base_ = './deeplabv2-r101.py'
model = dict(
    segmentor=dict(
        auxiliary_head=dict(
            type='DeepLabV2Head',
            in_channels=1024,
            in_index=2,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
        )
    )
)
