# ISIA and AIM, initial training, on DeepLabv3+: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/isia_aim_40k.py',
    '../_base_/default_runtime.py',
]
num_classes = 19
model = dict(
    segmentor=dict(decode_head=dict(num_classes=num_classes, out_channels=num_classes)),
    terms=_base_.terms,
)
