# AdaptSegNet, multi-level: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101_multi.py',
    '../_base_/methods/adaptsegnet.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
num_classes = 16
terms = _base_.terms
for term in terms.values():
    term.discriminator.in_channels = 16
model = dict(
    segmentor=dict(decode_head=dict(num_classes=num_classes), auxiliary_head=dict(num_classes=num_classes)), terms=terms
)
