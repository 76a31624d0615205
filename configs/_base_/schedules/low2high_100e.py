# Low2High: Adam 1e-4, 100 epochs of 25,263 images in batches of 16; the coarse labels select the checkpoint.
epoch = 1579
adam = dict(type='Adam', lr=1e-4)
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=adam),
)
param_scheduler = dict(segmentor=[])
# A config with the label-map discriminator adds these two.
with_discriminator = dict(discriminator=dict(params=['terms.*.discriminator'], optimizer=adam))
its_schedule = dict(discriminator=[])
train_cfg = dict(type='StagedTrainLoop', val_interval=epoch, stages=[dict(name='train', iters=100 * epoch)])
