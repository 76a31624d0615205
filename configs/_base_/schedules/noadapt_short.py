# The NoAdapt baseline on two cores: the same number of segmentor updates as SRDA-Net's joint stage.
_base_ = './noadapt.py'
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-3)))
train_cfg = dict(val_interval=10_000, stages=[dict(name='train', iters=600)])
