# CLAN: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/clan.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/clan_100k.py',
    '../_base_/default_runtime.py',
]
num_classes = 16
terms = _base_.terms
terms.output.discriminator.in_channels = 16
terms.output.local_weight = 10.0
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes, classifiers=2)), terms=terms)
