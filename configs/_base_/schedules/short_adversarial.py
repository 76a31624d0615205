# short.py with discriminators, updated after the segmentor in each iteration.
_base_ = './short.py'
optim_wrapper = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=2.5e-4, betas=(0.9, 0.99)))
)
param_scheduler = dict(discriminator=_base_.poly)
