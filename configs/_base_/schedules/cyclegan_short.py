# cyclegan_50k.py for two cores.
_base_ = './cyclegan_50k.py'
iters = 800
betas = (0.5, 0.999)
optim_wrapper = dict(
    generator=dict(optimizer=dict(type='Adam', lr=5e-4, betas=betas)),
    discriminator=dict(optimizer=dict(type='Adam', lr=2e-4, betas=betas)),
)
linear = [dict(type='PolyLR', power=1.0, eta_min=0.0, begin=iters // 2, end=iters, by_epoch=False)]
param_scheduler = dict(generator=linear, discriminator=linear)
train_cfg = dict(stages=[dict(name='translate', iters=iters)])
