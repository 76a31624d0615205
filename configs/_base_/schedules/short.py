# Two cores, minutes. SGD with the classifier at ten times the backbone's rate, as the papers', poly 0.9.
iters = 400
sgd = dict(type='SGD', lr=2.5e-3, momentum=0.9, weight_decay=5e-4)

optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    generator=dict(
        params=['segmentor'],
        optimizer=sgd,
        paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10.0)}),
    ),
)
param_scheduler = dict(generator=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)])
train_cfg = dict(type='StagedTrainLoop', val_interval=200, stages=[dict(name='train', iters=iters)])
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
