# NoAdapt: trained on the source's own grid, tested on the target's own grid: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/noadapt_resaspp_narrow.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/noadapt_short.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader = _base_.own_grids
