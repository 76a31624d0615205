# DeepLabv3+ on MobileNetV2, output stride 8, 256 channels, as in semantic pairing. ImageNet weights: near infrared, red
# and green take the places of red, green and blue.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    # The paper does not say; the encoder is forwarded on both domains.
    batch_norm='shared',
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='MobileNetV2',
            strides=(1, 2, 2, 1, 1, 1, 1),
            dilations=(1, 1, 1, 2, 2, 4, 4),
            out_indices=(1, 2, 4, 6),
            norm_cfg=norm_cfg,
            init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2'),
        ),
        decode_head=dict(
            type='FusedASPPHead',
            in_channels=320,
            in_index=3,
            channels=256,
            dilations=(1, 12, 24, 36),  # as in the authors' implementation at output stride 8
            c1_in_channels=24,
            c1_channels=48,
            dropout_ratio=0.1,
            norm_cfg=norm_cfg,
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
