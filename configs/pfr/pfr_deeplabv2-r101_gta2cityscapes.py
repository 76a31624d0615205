# PFR: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/pfr.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
# The content loss compares positions, so both domains need one size.
_base_.train_dataloader.dataset.source.pipeline[1].scale = (1024, 512)
train_dataloader = _base_.train_dataloader
terms = _base_.terms
model = dict(terms=terms)
