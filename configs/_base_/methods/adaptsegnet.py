# AdaptSegNet, multi-level (https://arxiv.org/abs/1802.10349): a discriminator for each of the two classifiers.
discriminator = dict(type='FCDiscriminator', in_channels=19)
level = dict(
    type='AdversarialAlignment',
    resize_to='image',
    activation='softmax',
    discriminator=discriminator,
    loss=dict(type='GANLoss', gan_type='vanilla'),
)
terms = dict(
    # lambda_adv of the paper; with PyTorch from 0.4 the authors advise 0.0005 and 0.00005.
    output=dict(source='source:logits', target='target:logits', loss_weight=0.001, **level),
    output_aux=dict(source='source:aux.0.logits', target='target:aux.0.logits', loss_weight=0.0002, **level),
)
