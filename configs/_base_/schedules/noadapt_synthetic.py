# Supervised training of the NoAdapt baseline on two cores: as many segmentor updates as SRDA-Net's joint stage.
iters = 1200
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(
        params=['segmentor'],
        optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999), weight_decay=5e-4),
    ),
)
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=1.0, eta_min=0.0, begin=iters // 2, end=iters, by_epoch=False)]
)
train_cfg = dict(type='StagedTrainLoop', val_interval=10_000, stages=[dict(name='train', iters=iters)])
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
