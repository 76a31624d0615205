# Progressive feature refinement: style and content of four stages, and the output-space discriminator, (6).
terms = dict(
    output=dict(
        type='AdversarialAlignment',
        source='source:logits',
        target='target:logits',
        resize_to='image',
        activation='softmax',
        discriminator=dict(type='FCDiscriminator', in_channels=19),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        loss_weight=0.002,
    ),
    refinement=dict(type='StyleContentAlignment', loss_weight=0.004),
)
