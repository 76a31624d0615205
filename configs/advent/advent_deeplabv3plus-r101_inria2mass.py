# ADVENT, adversarial: Inria (0.3 m) -> Massachusetts Buildings (1.0 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101_multi.py',
    '../_base_/methods/advent.py',
    '../_base_/datasets/inria2mass.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
for term in terms.values():
    term.discriminator.in_channels = 2
model = dict(terms=terms)
