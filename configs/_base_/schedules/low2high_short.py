# Low2High on two cores in minutes.
iters = 800
adam = dict(type='Adam', lr=1e-3)
poly = [dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)]
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=adam),
)
param_scheduler = dict(segmentor=poly)
train_cfg = dict(type='StagedTrainLoop', val_interval=400, stages=[dict(name='train', iters=iters)])
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
