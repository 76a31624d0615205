# AIM without categories: SYNTHIA -> Cityscapes.
_base_ = './isia_aim_deeplabv2-r101_synthia2cityscapes.py'
model = dict(terms=dict(category=None))
