# ISIA/AIM, initial training: SGD 2.5e-4 poly, discriminator Adam 5e-5 fixed with weight decay; 40k iterations.
_base_ = './sgd_250k.py'
adam = dict(type='Adam', lr=5e-5, betas=(0.9, 0.99), weight_decay=5e-4)
optim_wrapper = dict(discriminator=dict(params=['terms.*.discriminator'], optimizer=adam))
param_scheduler = dict(segmentor=[dict(type='PolyLR', power=0.9, during='run')], discriminator=[])
train_cfg = dict(stages=[dict(name='initial', iters=40_000)])
