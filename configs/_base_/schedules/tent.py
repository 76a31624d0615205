# TENT's: Adam 1e-3 without decay on batch norm alone, one step a batch. Few steps: entropy falls without end.
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999))),
)
param_scheduler = dict(segmentor=[])
train_cfg = dict(
    type='StagedTrainLoop', val_interval=500, stages=[dict(name='adapt', iters=1000, trainable=['batch_norm'])]
)
