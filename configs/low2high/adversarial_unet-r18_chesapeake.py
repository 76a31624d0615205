# Low2High without pretraining: region aggregation and label-map alignment; Chesapeake.
_base_ = [
    '../_base_/models/unet-r18.py',
    '../_base_/methods/low2high.py',
    '../_base_/datasets/low2high.py',
    '../_base_/schedules/low2high_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(terms=_base_.terms)
train_dataloader = dict(dataset=dict(exemplar=_base_.exemplar))
optim_wrapper = dict(discriminator=dict(params=['terms.*.discriminator'], optimizer=_base_.adam))
param_scheduler = dict(discriminator=[])
default_hooks = dict(checkpoint=dict(save_best='cell/mIoU', rule='greater'))
