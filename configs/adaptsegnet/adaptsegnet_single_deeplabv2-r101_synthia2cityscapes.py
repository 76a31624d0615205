# AdaptSegNet, single-level: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/adaptsegnet_single.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
num_classes = 16
terms = _base_.terms
terms.output.discriminator.in_channels = 16
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes)), terms=terms)
