# Two cores, minutes: AdamW, poly 0.9. (SGD with the papers' rates needs far more than these iterations.)
iters = 400
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(
        params=['segmentor'],
        optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
        paramwise_cfg=dict(norm_decay_mult=0.0),
    ),
)
param_scheduler = dict(segmentor=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)])
train_cfg = dict(type='StagedTrainLoop', val_interval=200, stages=[dict(name='train', iters=iters)])
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
