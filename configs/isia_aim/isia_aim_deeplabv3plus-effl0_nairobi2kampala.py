# ISIA and AIM, initial training: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/isia_aim_narrow.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
_base_.method.terms.instance.classes = [1]  # building
model = _base_.method
