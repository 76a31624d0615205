# short.py for five times as long: a teacher's labels need a segmentor that has learned something.
_base_ = './short.py'
train_cfg = dict(val_interval=500, stages=[dict(name='train', iters=2000)])
