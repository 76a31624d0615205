# MIC: DAFormer, and masked image consistency: GTA5 -> Cityscapes.
_base_ = ['../daformer/daformer_daformer-mitb5_gta2cityscapes.py', '../_base_/methods/masked.py']
model = _base_.masked
