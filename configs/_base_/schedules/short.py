# Ten minutes or more on two cores: AdamW, poly 0.9. (SGD with the papers' rates needs far more iterations.)
adamw = dict(type='AdamW', lr=1e-3, weight_decay=0.01)
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=adamw, paramwise_cfg=dict(norm_decay_mult=0.0)),
)
poly = [dict(type='PolyLR', power=0.9, during='run')]
param_scheduler = dict(segmentor=poly)
train_cfg = dict(type='StagedTrainLoop', val_interval=500, stages=[dict(name='train', iters=2000)])
