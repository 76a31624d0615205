# SRDA-Net on real UAV imagery: Nairobi 15 cm with labels -> Kampala 7.5 cm without, two classes.
_base_ = [
    '../_base_/models/srda_resaspp_narrow.py',
    '../_base_/methods/srda_narrow.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/srda_short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader, val_dataloader = _base_.super_resolution
