# DeepLabv3+ on MobileNetV2, output stride 16, with a narrow head: trains on two cores in minutes. ImageNet weights.
norm_cfg = dict(type='BN', requires_grad=True)
loss_decode = dict(type='CrossEntropyLoss', avg_non_ignore=True)

model = dict(
    type='DomainAdaptation',
    # ImageNet's statistics for both domains; images are RGB.
    data_preprocessor=dict(
        type='UDADataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], channels_last=True
    ),
    # Each domain is normalised by its own statistics: by its batches in training, and in prediction the target by its
    # running statistics, as in AdaBN. Configs that do not forward the target set 'source'.
    batch_norm='target',
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='MobileNetV2',
            strides=(1, 2, 2, 2, 1, 1, 1),
            dilations=(1, 1, 1, 1, 1, 2, 2),
            out_indices=(1, 2, 4, 6),  # 24, 32, 96, 320 channels; output stride 4, 8, 16, 16
            norm_cfg=norm_cfg,
            init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2'),
        ),
        decode_head=dict(
            type='DepthwiseSeparableASPPHead',
            in_channels=320,
            in_index=3,
            channels=64,
            dilations=(1, 2, 4, 6),  # for a map of 8 to 12 pixels
            c1_in_channels=24,
            c1_channels=16,
            dropout_ratio=0.1,
            # Not batch norm: the branch that pools the whole image gives one value per image. In training, normalising
            # a batch of two keeps only its sign; prediction would then use different values.
            norm_cfg=dict(type='GN', num_groups=8),
            align_corners=False,
            loss_decode=loss_decode,
        ),
        test_cfg=dict(mode='whole'),
    ),
)
