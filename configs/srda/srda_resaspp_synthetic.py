# SRDA-Net on the built-in synthetic imagery: 1.0 m with labels -> 0.3 m without, six classes.
_base_ = [
    '../_base_/models/srda_resaspp_narrow.py',
    '../_base_/methods/srda_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/srda_short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader, val_dataloader = _base_.super_resolution
train_cfg = dict(iters=dict(joint=1200))
