# Low2High without pretraining: region aggregation and label-map alignment; synthetic imagery.
_base_ = [
    '../_base_/models/unet-r18_narrow.py',
    '../_base_/methods/low2high.py',
    '../_base_/datasets/low2high_synthetic.py',
    '../_base_/schedules/low2high_short.py',
    '../_base_/default_runtime.py',
]
maps = _base_.method.terms.maps
maps.update(crop_size=64, discriminator=dict(maps.discriminator, channels=(16, 32, 64, 64, 64, 64), input_size=64))
model = _base_.method
train_dataloader = dict(dataset=dict(exemplar=_base_.exemplar))
optim_wrapper, param_scheduler = _base_.with_discriminator, _base_.its_schedule
