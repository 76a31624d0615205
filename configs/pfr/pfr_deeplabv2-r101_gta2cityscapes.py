# PFR: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/pfr.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
# The content loss compares positions, so both domains need one size.
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.target_pipeline)))
