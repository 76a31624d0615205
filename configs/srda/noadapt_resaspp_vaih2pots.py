# NoAdapt at the paper's width: trained on the source's own grid, tested on the target's own grid.
_base_ = [
    '../_base_/models/noadapt_resaspp.py',
    '../_base_/datasets/vaih2pots.py',
    '../_base_/schedules/noadapt.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader = _base_.own_grids
