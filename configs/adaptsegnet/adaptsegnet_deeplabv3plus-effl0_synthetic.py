# AdaptSegNet, multi-level: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0_multi.py',
    '../_base_/methods/adaptsegnet_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
