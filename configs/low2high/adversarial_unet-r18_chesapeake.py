# Low2High without pretraining: region aggregation and label-map alignment; Chesapeake.
_base_ = [
    '../_base_/models/unet-r18.py',
    '../_base_/methods/low2high.py',
    '../_base_/datasets/low2high.py',
    '../_base_/schedules/low2high_100e.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader = dict(dataset=dict(exemplar=_base_.exemplar))
optim_wrapper, param_scheduler = _base_.with_discriminator, _base_.its_schedule
default_hooks = dict(checkpoint=dict(save_best='cell/mIoU', rule='greater'))
