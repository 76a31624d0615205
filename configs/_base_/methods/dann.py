# DANN in three updates (semantic pairing, section 5.2): segmentation on the source; discriminator on a frozen encoder;
# encoder against the frozen discriminator with flipped labels.
terms = dict(
    feature=dict(
        type='AdversarialAlignment',
        source='source:module.decode_head.bottleneck',
        target='target:module.decode_head.bottleneck',
        discriminator=dict(type='InvertedBottleneckDiscriminator', in_channels=256),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        moves='both',  # flipped: the source is called target, and the target source
        discriminator_weight=1.0,
    )
)
plan = [
    dict(name='segment', losses=['supervised.segmentor'], optimizers=['segmentor'], forward='fresh'),
    dict(
        name='discriminate',
        losses=['feature.discriminator'],
        optimizers=['discriminator'],
        forward='fresh',
        detach=True,
    ),
    dict(name='confuse', losses=['feature.segmentor'], optimizers=['encoder'], forward='fresh'),
]
