# AIM without categories: Massachusetts Roads (1.0 m) -> DeepGlobe roads (0.5 m).
_base_ = './isia_aim_deeplabv3plus-r101_massroads2deepglobe.py'
model = dict(terms=dict(category=None))
