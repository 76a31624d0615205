# Low2High's generalisation study (Table 3): without Virginia, no pretraining. Tested on the same regions;
# --cfg-options test_dataloader.dataset.name_prefix=va_ tests on Virginia, =wi_ on Milwaukee.
_base_ = [
    '../_base_/models/unet-r18.py',
    '../_base_/methods/low2high.py',
    '../_base_/datasets/low2high_without_virginia.py',
    '../_base_/schedules/low2high_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(terms=_base_.terms)
train_dataloader = dict(dataset=dict(exemplar=_base_.exemplar))
epoch = 1302
optim_wrapper = dict(discriminator=dict(params=['terms.*.discriminator'], optimizer=_base_.adam))
param_scheduler = dict(discriminator=[])
train_cfg = dict(val_interval=epoch, stages=[dict(name='train', iters=100 * epoch)])
default_hooks = dict(checkpoint=dict(save_best='cell/mIoU', rule='greater'))
