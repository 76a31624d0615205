# AdaptSegNet and its successors: SGD, classifiers at ten times the backbone's rate; poly over 250k, stopped at 150k.
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(
        params=['segmentor'],
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10.0)}),
    ),
)
poly = [dict(type='PolyLR', power=0.9, end=250_000, by_epoch=False)]
param_scheduler = dict(segmentor=poly)
train_cfg = dict(type='StagedTrainLoop', val_interval=5_000, stages=[dict(name='train', iters=150_000)])
