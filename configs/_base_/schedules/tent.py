# TENT's: Adam 1e-3 without decay on batch norm alone, one step a batch; few steps, since entropy falls without end.
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999))),
)
param_scheduler = dict(segmentor=[])
train_cfg = dict(
    type='StagedTrainLoop', val_interval=100, stages=[dict(name='adapt', iters=100, trainable=['batch_norm'])]
)
