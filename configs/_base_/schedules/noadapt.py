# Supervised training of the NoAdapt baseline: 200 epochs of 440 iterations (Vaihingen), as in SRDA-Net's joint stage.
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(
        params=['segmentor'],
        optimizer=dict(type='Adam', lr=1.5e-4, betas=(0.9, 0.999), weight_decay=5e-4),
    ),
)
# Constant for the first half, then linearly to 0.
param_scheduler = dict(segmentor=[dict(type='PolyLR', power=1.0, during='run', begin=0.5)])
train_cfg = dict(type='StagedTrainLoop', val_interval=20_000, stages=[dict(name='train', iters=88_000)])
