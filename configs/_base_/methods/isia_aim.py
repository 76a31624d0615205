# Category-divergence guidance: output-space adversarial (GFA), category (ISIA) and instance (AIM) alignment. A config
# that leaves one out sets its term to None.
terms = dict(
    output=dict(
        type='AdversarialAlignment',
        source='source:logits',
        target='target:logits',
        resize_to='image',
        activation='softmax',
        discriminator=dict(type='FCDiscriminator', in_channels=19),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        discriminator_weight=1.0,  # lambda_D = 1; the sum over both domains
        loss_weight=0.001,
    ),
    # beta = inter_weight = 1
    category=dict(type='CategoryAlignment', inter_weight=1.0, loss_weight=0.001),
    instance=dict(
        type='InstanceAlignment',
        classes=(5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 18),  # things of Cityscapes
        channels=2048,
        warmup=5000,  # named in the paper, its length is not
        loss_weight=0.001,
    ),
)
