# CycleGAN, narrow, on two cores: Nairobi -> Kampala. As published: with identity at every tenth batch, semantic
# pairing's variant, so short a training exchanges classes.
_base_ = [
    '../_base_/models/cyclegan_narrow.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/cyclegan_short.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader, model = _base_.translation
