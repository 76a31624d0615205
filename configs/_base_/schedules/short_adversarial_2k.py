# short_adversarial.py for five times as long, as short_2k.py.
_base_ = './short_adversarial.py'
train_cfg = dict(val_interval=500, stages=[dict(name='train', iters=2000)])
