# ADVENT (https://arxiv.org/abs/1811.12833), adversarial: AdaptSegNet's discriminators on self-information maps.
discriminator = dict(type='FCDiscriminator', in_channels=19)
level = dict(
    type='AdversarialAlignment',
    resize_to='image',
    activation='entropy',
    discriminator=discriminator,
    loss=dict(type='GANLoss', gan_type='vanilla'),
)
terms = dict(
    output=dict(source='source:logits', target='target:logits', loss_weight=0.001, **level),
    output_aux=dict(source='source:aux.0.logits', target='target:aux.0.logits', loss_weight=0.0002, **level),
)
