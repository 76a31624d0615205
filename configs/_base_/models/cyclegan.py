# CycleGAN as published (https://arxiv.org/abs/1703.10593): images in [-1, 1], identity loss of 0.5 lambda.
model = dict(
    type='ImageTranslation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
    generator=dict(type='ResNetGenerator', base_channels=64, blocks=9, activation='tanh'),
    discriminator=dict(type='PatchDiscriminator', base_channels=64),
    loss=dict(type='GANLoss', gan_type='lsgan'),
    adversarial_weight=1.0,
    cycle_weight=10.0,
    identity_weight=5.0,
    identity_every=1,
    discriminator_weight=0.5,  # of both halves, as published
    pool=dict(size=50, image_shape=(3, 256, 256)),
)
