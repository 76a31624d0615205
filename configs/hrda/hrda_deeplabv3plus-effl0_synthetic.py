# HRDA without rare classes: DACS on context and detail: synthetic imagery.
_base_ = [
    '../_base_/models/hrda_deeplabv3plus-effl0.py',
    '../_base_/methods/daformer_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
