# CycleGAN, narrow, on two cores: synthetic imagery. The method is CycleGAN as published: semantic pairing's variant,
# with identity at every tenth batch, exchanges classes in so short a training.
_base_ = [
    '../_base_/models/cyclegan_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/cyclegan_short.py',
    '../_base_/default_runtime.py',
]
train_dataloader, val_dataloader, model = _base_.translation
