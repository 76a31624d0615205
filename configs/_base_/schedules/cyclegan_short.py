# cyclegan_50k.py for two cores.
_base_ = './cyclegan_50k.py'
optim_wrapper = dict(generator=dict(optimizer=dict(lr=5e-4)))
train_cfg = dict(stages=[dict(name='translate', iters=800)])
