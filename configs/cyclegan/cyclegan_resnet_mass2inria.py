# CycleGAN as published, for the image level (IMA) of ISIA/AIM and FCAN:
# Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/cyclegan_50k.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader, model = _base_.translation
