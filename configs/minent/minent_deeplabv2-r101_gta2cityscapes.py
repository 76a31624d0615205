# MinEnt: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101_multi.py',
    '../_base_/methods/minent.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/sgd_250k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
