# cyclegan_50k.py for two cores.
_base_ = './cyclegan_50k.py'
iters = 400
adam = dict(type='Adam', lr=1e-3, betas=(0.5, 0.999))
optim_wrapper = dict(generator=dict(optimizer=adam), discriminators=dict(optimizer=adam))
linear = [dict(type='PolyLR', power=1.0, eta_min=0.0, begin=iters // 2, end=iters, by_epoch=False)]
param_scheduler = dict(generator=linear, discriminators=linear)
train_cfg = dict(stages=[dict(name='translate', iters=iters)])
