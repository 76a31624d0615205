# MaxSquare: Inria (0.3 m) -> Massachusetts Buildings (1.0 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/maxsquare.py',
    '../_base_/datasets/inria2mass.py',
    '../_base_/schedules/sgd_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(terms=_base_.terms)
