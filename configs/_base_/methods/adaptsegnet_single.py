# AdaptSegNet, single-level (https://arxiv.org/abs/1802.10349): a discriminator on the softmax of resized logits.
terms = dict(
    output=dict(
        type='AdversarialAlignment',
        source='source:logits',
        target='target:logits',
        resize_to='image',
        activation='softmax',
        discriminator=dict(type='FCDiscriminator', in_channels=19),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        loss_weight=0.001,  # lambda_adv; 0.01 with gan_type='lsgan'
    )
)
