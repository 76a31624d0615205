# Source only: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/source_only.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
