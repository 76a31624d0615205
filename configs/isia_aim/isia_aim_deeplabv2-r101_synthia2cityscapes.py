# ISIA and AIM, initial training: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/isia_aim_40k.py',
    '../_base_/default_runtime.py',
]
_base_.method.terms.instance.classes = (5, 6, 7, 10, 11, 12, 13, 14, 15)  # things among the 16
model = _base_.method
