# DeepLabv3+ on ResNet-101, stride 8; mmseg's settings except for the head's norm. ISIA/AIM trains with batches of one
# image, for which batch norm cannot normalise the branch that pools the whole image.
norm_cfg = dict(type='BN', requires_grad=True)
loss_decode = dict(type='CrossEntropyLoss', avg_non_ignore=True)
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    # Each domain is normalised by its own statistics, in training and in prediction.
    batch_norm='target',
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='ResNetV1c',
            depth=101,
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            contract_dilation=True,
            norm_cfg=norm_cfg,
            init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c'),
        ),
        decode_head=dict(
            type='DepthwiseSeparableASPPHead',
            in_channels=2048,
            in_index=3,
            channels=512,
            dilations=(1, 12, 24, 36),
            c1_in_channels=256,
            c1_channels=48,
            dropout_ratio=0.1,
            norm_cfg=dict(type='GN', num_groups=16),
            align_corners=False,
            loss_decode=loss_decode,
        ),
        test_cfg=dict(mode='whole'),
    ),
)
