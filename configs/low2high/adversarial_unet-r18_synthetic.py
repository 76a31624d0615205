# Low2High without pretraining: region aggregation and label-map alignment; synthetic imagery.
_base_ = [
    '../_base_/models/unet-r18_narrow.py',
    '../_base_/methods/low2high.py',
    '../_base_/datasets/low2high_synthetic.py',
    '../_base_/schedules/low2high_short.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.maps.update(
    discriminator=dict(type='ResidualDiscriminator', channels=(16, 32, 64, 64, 64, 64), input_size=64), crop_size=64
)
model = dict(terms=terms)
train_dataloader = dict(dataset=dict(exemplar=_base_.exemplar))
optim_wrapper = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=2e-4, betas=(0.0, 0.99)))
)
param_scheduler = dict(discriminator=_base_.poly)
