# DACS, with the optimiser and the length of DAFormer: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/dacs.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/daformer_40k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader = _base_.crops
