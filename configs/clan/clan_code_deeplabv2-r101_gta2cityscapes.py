# CLAN as released: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101_summed.py',
    '../_base_/methods/clan_code.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/clan_code_100k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader = _base_.random_scale
