# CLAN: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101_summed.py',
    '../_base_/methods/clan.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/clan_100k.py',
    '../_base_/default_runtime.py',
]
_base_.method.terms.output.local_weight = 10.0
model = _base_.method
