# Low2High on two cores in minutes.
poly = [dict(type='PolyLR', power=0.9, during='run')]
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='Adam', lr=1e-3)),
)
param_scheduler = dict(segmentor=poly)
# A config with the label-map discriminator adds these two.
with_discriminator = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=2e-4, betas=(0.0, 0.99)))
)
its_schedule = dict(discriminator=poly)
train_cfg = dict(type='StagedTrainLoop', val_interval=400, stages=[dict(name='train', iters=800)])
