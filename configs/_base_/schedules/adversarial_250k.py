# sgd_250k.py with discriminators: Adam 1e-4, poly.
_base_ = './sgd_250k.py'
poly_iters = 250_000
optim_wrapper = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
)
param_scheduler = dict(discriminator=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=poly_iters, by_epoch=False)])
