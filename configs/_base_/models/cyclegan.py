# CycleGAN as semantic pairing has it: last layer ReLU, no sigmoid, least squares, lambda 10 for the cycle and 1 for the
# rest, identity at every tenth batch. Images in [0, 1].
model = dict(
    type='ImageTranslation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
    generator=dict(type='ResNetGenerator', base_channels=64, blocks=9, activation='relu'),
    discriminator=dict(type='PatchDiscriminator', in_channels=3, base_channels=64),
    loss=dict(type='GANLoss', gan_type='lsgan'),
    adversarial_weight=1.0,
    cycle_weight=10.0,
    identity_weight=1.0,
    identity_every=10,
    discriminator_weight=1.0,
    pool=dict(size=50, image_shape=(3, 224, 224)),  # of CycleGAN; the paper does not mention it
)
