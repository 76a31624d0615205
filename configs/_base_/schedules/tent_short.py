# tent.py for two cores: a few passes over a few scenes.
_base_ = './tent.py'
train_cfg = dict(val_interval=50, iters=dict(adapt=50))
