# SRDA-Net's segmentor (https://arxiv.org/abs/2005.06382): one network super-resolves and segments.
base_channels = 64  # the paper's width of all five networks

model = dict(
    type='DomainAdaptation',
    # Images in [-1, 1], like the tanh of the super-resolved ones.
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
    segmentor=dict(
        type='SuperResolutionSegmentor',
        # As in the authors' code, biases and transposed convolutions keep torch's initialisation.
        init_cfg=dict(
            type='KaimingWeights', layer='Conv2d', mode='fan_out', nonlinearity='relu', distribution='normal'
        ),
        backbone=dict(type='ResidualASPP', base_channels=base_channels),  # E
        sr_head=dict(type='SuperResolutionHead', base_channels=base_channels),  # R
        decode_head=dict(  # S, with the pyramid fusion (strategy 1)
            type='PyramidFusionHead',
            base_channels=base_channels,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
