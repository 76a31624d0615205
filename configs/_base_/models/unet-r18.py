# Low2High's segmentor: a U-Net on ResNet-18, from scratch (tables S4 and S5).
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, channels_last=True),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(type='StemResNet', depth=18),
        decode_head=dict(
            type='UNetHead',
            in_channels=(64, 64, 128, 256, 512),
            widths=(256, 128, 64, 64),
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
