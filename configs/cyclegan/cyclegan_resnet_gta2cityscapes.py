# CycleGAN as published, for the image level (IMA) of ISIA/AIM and FCAN:
# GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/cyclegan_50k.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader, model = _base_.translation
