# TENT, from a checkpoint (load_from) and without the source: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/tent.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/tent.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader = dict(dataset=dict(source=None))
