# SRDA-Net, Massachusetts Buildings -> Inria, alpha 2.5, beta 10 (the paper's settings).
_base_ = [
    '../_base_/models/srda_resaspp.py',
    '../_base_/methods/srda.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/srda.py',
    '../_base_/default_runtime.py',
]
_base_.method.terms.supervised.loss_weight = _base_.method.terms.fed_back.loss_weight = 2.5
model = _base_.method
train_dataloader, val_dataloader = _base_.super_resolution
train_cfg = dict(val_interval=20_000, iters=dict(pretrain=365_400, joint=365_400))  # 200 epochs of 1827 iterations
