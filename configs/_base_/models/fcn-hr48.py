# FCN on HRNet-w48; mmseg's settings.
norm_cfg = dict(type='BN', requires_grad=True)
channels = [48, 96, 192, 384]
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    # Each domain is normalised by its own statistics, in training and in prediction.
    batch_norm='target',
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='HRNet',
            norm_cfg=norm_cfg,
            extra=dict(
                stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)),
                stage2=dict(
                    num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=tuple(channels[:2])
                ),
                stage3=dict(
                    num_modules=4, num_branches=3, block='BASIC', num_blocks=(4,) * 3, num_channels=tuple(channels[:3])
                ),
                stage4=dict(
                    num_modules=3, num_branches=4, block='BASIC', num_blocks=(4,) * 4, num_channels=tuple(channels)
                ),
            ),
            init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://msra/hrnetv2_w48'),
        ),
        decode_head=dict(
            type='FCNHead',
            in_channels=channels,
            in_index=(0, 1, 2, 3),
            channels=sum(channels),
            input_transform='resize_concat',
            kernel_size=1,
            num_convs=1,
            concat_input=False,
            dropout_ratio=-1,
            norm_cfg=norm_cfg,
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
