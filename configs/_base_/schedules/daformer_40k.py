# DAFormer and its successors: AdamW 6e-5, heads at ten times the backbone's rate, no weight decay on the backbone's
# norms; the rate falls linearly to 0 over 40k iterations, of which the first 1500 warm up. The papers use batches of 2
# (train_dataloader = dict(batch_size=2)).
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(
        params=['segmentor'],
        optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys={'head': dict(lr_mult=10.0)}),
    ),
)
warm_up = dict(type='LinearLR', start_factor=1e-6, during='run', end=1500 / 40_000)
param_scheduler = dict(segmentor=[warm_up, dict(type='PolyLR', power=1.0, during='run')])
train_cfg = dict(type='StagedTrainLoop', val_interval=4_000, stages=[dict(name='train', iters=40_000)])
