# DANN's three steps on two cores in minutes: AdamW in place of Adadelta, which needs more iterations to get going.
iters = 300
adamw = dict(type='AdamW', lr=1e-3, weight_decay=0.01)
poly = [dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)]
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=adamw, paramwise_cfg=dict(norm_decay_mult=0.0)),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=adamw),
    encoder=dict(
        params=[
            'segmentor.backbone',
            'segmentor.decode_head.image_pool',
            'segmentor.decode_head.aspp_modules',
            'segmentor.decode_head.bottleneck',
        ],
        optimizer=adamw,
    ),
)
param_scheduler = dict(segmentor=poly, discriminator=poly, encoder=poly)
train_cfg = dict(type='StagedTrainLoop', val_interval=150, stages=[dict(name='adapt', iters=iters)])
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
