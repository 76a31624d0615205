# Masked image consistency on AdaptSegNet, single-level: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/mic_on_adaptsegnet.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader = _base_.crops
