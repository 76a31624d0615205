# ISIA and AIM, initial training: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/isia_aim_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
_base_.method.terms.instance.classes = [1, 3, 4]  # building, tree, car
model = _base_.method
