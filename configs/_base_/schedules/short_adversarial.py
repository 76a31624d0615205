# short.py with discriminators, updated after the segmentor in each iteration.
_base_ = './short.py'
iters = 400
optim_wrapper = dict(
    discriminator=dict(
        params=['terms.*.discriminator'],
        optimizer=dict(type='Adam', lr=2.5e-4, betas=(0.9, 0.99)),
    )
)
param_scheduler = dict(discriminator=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)])
