# ISIA/AIM, initial training: SGD 2.5e-4 poly, discriminator Adam 5e-5 fixed with weight decay; 40k iterations.
iters = 40_000
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(
        params=['segmentor'],
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10.0)}),
    ),
    discriminator=dict(
        params=['terms.*.discriminator'],
        optimizer=dict(type='Adam', lr=5e-5, betas=(0.9, 0.99), weight_decay=5e-4),
    ),
)
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)],
    discriminator=[],
)
train_cfg = dict(type='StagedTrainLoop', val_interval=5_000, stages=[dict(name='initial', iters=iters)])
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
