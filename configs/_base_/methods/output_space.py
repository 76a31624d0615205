# What AdaptSegNet (https://arxiv.org/abs/1802.10349) and others align: the softmax of logits resized to the image,
# judged by a fully convolutional discriminator.
output = dict(
    type='AdversarialAlignment',
    source='source:logits',
    target='target:logits',
    resize_to='image',
    activation='softmax',
    discriminator=dict(type='FCDiscriminator'),
    loss=dict(type='GANLoss', gan_type='vanilla'),
    loss_weight=0.001,  # lambda_adv; 0.01 with gan_type='lsgan'
)
