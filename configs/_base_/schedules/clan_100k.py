# CLAN's length: adversarial_250k.py with 100k iterations and a poly schedule over them.
_base_ = './adversarial_250k.py'
iters = 100_000
poly = [dict(type='PolyLR', power=0.9, end=iters, by_epoch=False)]
param_scheduler = dict(segmentor=poly, discriminator=poly)
train_cfg = dict(stages=[dict(name='train', iters=iters)])
