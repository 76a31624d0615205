# AdaptSegNet, single-level: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/adaptsegnet_single.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.discriminator.in_channels = 2
model = dict(terms=terms)
