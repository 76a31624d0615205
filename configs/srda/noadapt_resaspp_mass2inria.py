# NoAdapt at the paper's width: trained on the source's own grid, tested on the target's own grid.
_base_ = [
    '../_base_/models/noadapt_resaspp.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/noadapt.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader = _base_.own_grids
train_cfg = dict(iters=dict(train=365_400))  # 200 epochs of 1827 iterations
