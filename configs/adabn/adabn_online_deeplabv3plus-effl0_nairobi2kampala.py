# AdaBN during training, where the target updates the statistics and nothing else adapts: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/adabn.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
