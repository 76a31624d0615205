# DeepLab-v2 with a second classifier on the stage before the last, for multi-level methods.
_base_ = './deeplabv2-r101.py'
num_classes = 19
model = dict(
    segmentor=dict(
        auxiliary_head=dict(
            type='DeepLabV2Head',
            in_channels=1024,
            in_index=2,
            num_classes=num_classes,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
        )
    )
)
