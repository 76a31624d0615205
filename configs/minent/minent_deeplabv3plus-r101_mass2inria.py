# MinEnt: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101_multi.py',
    '../_base_/methods/minent.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/sgd_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(terms=_base_.terms)
