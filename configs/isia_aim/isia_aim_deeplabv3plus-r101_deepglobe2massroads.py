# ISIA and AIM, initial training: DeepGlobe roads (0.5 m) -> Massachusetts Roads (1.0 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/deepglobe2massroads.py',
    '../_base_/schedules/isia_aim_40k.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.discriminator.in_channels = 2
terms.instance.classes = (1,)
model = dict(terms=terms)
