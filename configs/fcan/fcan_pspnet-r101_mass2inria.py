# FCAN, feature-level stage: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/fcan.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(_base_.method, segmentor=dict(decode_head=_base_.pyramid))
