# ISIA and AIM, initial training: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/isia_aim_40k.py',
    '../_base_/default_runtime.py',
]
_base_.method.terms.instance.classes = (1,)  # building
model = _base_.method
