# MaxSquare: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/maxsquare.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/sgd_250k.py',
    '../_base_/default_runtime.py',
]
num_classes = 16
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes)), terms=_base_.terms)
