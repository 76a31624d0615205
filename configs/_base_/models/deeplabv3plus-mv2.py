# deeplabv3plus-effl0.py on MobileNetV2, which semantic pairing uses, with its own ImageNet statistics and weights.
_base_ = './deeplabv3plus-effl0.py'
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    segmentor=dict(
        backbone=dict(
            _delete_=True,
            type='MobileNetV2',
            strides=(1, 2, 2, 2, 1, 1, 1),
            dilations=(1, 1, 1, 1, 1, 2, 2),
            out_indices=(1, 2, 4, 6),  # 24, 32, 96, 320 channels; output stride 4, 8, 16, 16
            norm_cfg=dict(type='BN', requires_grad=True),
            init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2'),
        )
    ),
)
