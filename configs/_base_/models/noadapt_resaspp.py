# NoAdapt, the baseline of SRDA-Net: the same blocks without super-resolution, trained on the source alone.
base_channels = 64

model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
    segmentor=dict(
        type='EncoderDecoder',
        # As in the authors' code, biases keep torch's initialisation.
        init_cfg=dict(
            type='KaimingWeights', layer='Conv2d', mode='fan_out', nonlinearity='relu', distribution='normal'
        ),
        backbone=dict(type='NoAdaptBackbone', base_channels=base_channels),
        decode_head=dict(
            type='ConvHead',
            in_channels=4 * base_channels,
            kernel_size=9,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
