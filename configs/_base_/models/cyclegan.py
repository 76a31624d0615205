# CycleGAN. Last layer, identity loss and range of the images are semantic pairing's: ReLU, no sigmoid, weight 1 at each
# tenth batch, [0, 1]. The configs of the published form set their own (tanh, 0.5 lambda at every batch, [-1, 1]).
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
    discriminator_weight=0.5,  # of both halves, as published
    pool=dict(size=50, image_shape=(3, 224, 224)),  # of CycleGAN; the paper does not mention it
)
