# DANN in three updates (semantic pairing, section 5.2): segmentation on the source; discriminator on a frozen encoder;
# encoder against the frozen discriminator with flipped labels.
feature = dict(
    type='AdversarialAlignment',
    source='source:module.decode_head.bottleneck',
    target='target:module.decode_head.bottleneck',
    moves='both',  # flipped labels: the source is to look like target, and the target like source
    discriminator=dict(type='InvertedBottleneckDiscriminator'),
    loss=dict(type='GANLoss', gan_type='vanilla'),
    discriminator_weight=1.0,
)
segment = dict(name='segment', losses=['supervised.segmentor'], optimizers=['segmentor'])
discriminate = dict(name='discriminate', losses=['feature.discriminator'], optimizers=['discriminator'], detach=True)
confuse = dict(name='confuse', losses=['feature.segmentor'], optimizers=['encoder'])
plan = [segment, dict(discriminate, forward='fresh'), dict(confuse, forward='fresh')]
method = dict(terms=dict(feature=feature), plan=plan)
