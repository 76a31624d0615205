# SRDA-Net as the authors' released code trains it.
_base_ = [
    '../_base_/models/srda_resaspp.py',
    '../_base_/methods/srda_code.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/srda_code.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader, val_dataloader = _base_.super_resolution
train_cfg = dict(val_interval=20_000, iters=dict(pretrain=365_400, joint=365_400))
