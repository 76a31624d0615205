# Semantic pairing's DANN: 80 epochs of 250 batches; one Adadelta per step, with default parameters.
encoder = [
    'segmentor.backbone',
    'segmentor.decode_head.image_pool',
    'segmentor.decode_head.aspp_modules',
    'segmentor.decode_head.bottleneck',
]
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='Adadelta')),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adadelta')),
    encoder=dict(params=encoder, optimizer=dict(type='Adadelta')),
)
param_scheduler = dict(segmentor=[], discriminator=[], encoder=[])
train_cfg = dict(type='StagedTrainLoop', val_interval=250, stages=[dict(name='adapt', iters=20_000)])
