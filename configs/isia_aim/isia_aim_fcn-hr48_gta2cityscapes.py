# ISIA and AIM, initial training, on HRNet-w48: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/fcn-hr48.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/isia_aim_40k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
