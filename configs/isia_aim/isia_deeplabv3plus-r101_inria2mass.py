# ISIA without instances: Inria (0.3 m) -> Massachusetts Buildings (1.0 m).
_base_ = './isia_aim_deeplabv3plus-r101_inria2mass.py'
model = dict(terms=dict(instance=None))
