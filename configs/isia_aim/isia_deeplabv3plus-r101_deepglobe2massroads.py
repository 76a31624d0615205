# ISIA without instances: DeepGlobe roads (0.5 m) -> Massachusetts Roads (1.0 m).
_base_ = './isia_aim_deeplabv3plus-r101_deepglobe2massroads.py'
model = dict(terms=dict(instance=None))
