# FCAN's second stage (https://arxiv.org/abs/1804.08286): a discriminator on the backbone's last feature map, least
# squares; segmentation weight 5, adversarial 1. The first stage, translated source images, comes with CycleGAN.
terms = dict(
    supervised=dict(type='SupervisedTerm', loss_weight=5.0),
    feature=dict(
        type='AdversarialAlignment',
        source='source:features.3',
        target='target:features.3',
        discriminator=dict(type='ASPPDiscriminator', in_channels=2048, channels=128, dilations=(2, 3, 4)),
        loss=dict(type='GANLoss', gan_type='lsgan'),
        loss_weight=1.0,
    ),
)
