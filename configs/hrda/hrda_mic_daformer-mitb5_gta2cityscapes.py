# MIC on HRDA: GTA5 -> Cityscapes.
_base_ = ['./hrda_daformer-mitb5_gta2cityscapes.py', '../_base_/methods/masked.py']
model = _base_.masked
