# AdaptSegNet, multi-level: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101_multi.py',
    '../_base_/methods/adaptsegnet.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
for term in terms.values():
    term.discriminator.in_channels = 2
model = dict(terms=terms)
