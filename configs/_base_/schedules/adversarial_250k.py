# sgd_250k.py with discriminators: Adam 1e-4, poly.
_base_ = './sgd_250k.py'
optim_wrapper = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
)
param_scheduler = dict(discriminator=_base_.poly)
