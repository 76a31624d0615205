# NoAdapt: trained on the source's own grid, tested on the target's own grid: synthetic imagery.
_base_ = [
    '../_base_/models/noadapt_resaspp_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/noadapt_short.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader = _base_.own_grids
train_cfg = dict(iters=dict(train=1200))  # the same number as SRDA-Net's joint stage
