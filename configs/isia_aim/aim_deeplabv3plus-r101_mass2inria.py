# AIM without categories: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = './isia_aim_deeplabv3plus-r101_mass2inria.py'
model = dict(terms=dict(category=None))
