# HRDA on the narrow DeepLabv3+. A training crop must be a multiple of 16 px.
_base_ = './deeplabv3plus-effl0.py'
model = dict(
    segmentor=dict(
        type='HRDA',
        attention_head=dict(
            type='DAFormerHead',
            in_channels=[24, 40, 112, 320],
            channels=32,
            embed_channels=32,
            dilations=None,  # fused by a 1x1 convolution
            norm_cfg=dict(type='GN', num_groups=8),
            align_corners=False,
        ),
        grid=8,  # the head's output stride times the factor
        test_cfg=dict(mode='slide', crop_size=(128, 128), stride=(64, 64)),
    ),
)
