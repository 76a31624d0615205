# FCAN's second stage (https://arxiv.org/abs/1804.08286): a discriminator on the backbone's last feature map, least
# squares; segmentation weight 5, adversarial 1. The first stage, translated source images, comes with CycleGAN.
method = dict(
    terms=dict(
        supervised=dict(type='SupervisedTerm', loss_weight=5.0),
        feature=dict(
            type='AdversarialAlignment',
            source='source:features.3',
            target='target:features.3',
            discriminator=dict(type='ASPPDiscriminator', channels=128, dilations=(2, 3, 4)),
            loss=dict(type='GANLoss', gan_type='lsgan'),
            loss_weight=1.0,
        ),
    )
)
# Its classifier, on the ResNet-101 of a base: dict(_base_.method, segmentor=dict(decode_head=_base_.pyramid)).
pyramid = dict(
    _delete_=True,
    type='PSPHead',
    in_channels=2048,
    in_index=3,
    channels=512,
    pool_scales=(1, 2, 3, 6),
    norm_cfg=dict(type='GN', num_groups=16),  # batches of one image
    align_corners=False,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
