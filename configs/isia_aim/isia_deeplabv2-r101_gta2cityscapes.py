# ISIA without instances: GTA5 -> Cityscapes.
_base_ = './isia_aim_deeplabv2-r101_gta2cityscapes.py'
model = dict(terms=dict(instance=None))
