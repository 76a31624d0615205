# PFR: Massachusetts Roads (1.0 m) -> DeepGlobe roads (0.5 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/pfr.py',
    '../_base_/datasets/massroads2deepglobe.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.discriminator.in_channels = 2
model = dict(terms=terms)
