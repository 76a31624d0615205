# MIC on HRDA, without rare classes: synthetic imagery.
_base_ = [
    '../_base_/models/hrda_deeplabv3plus-effl0.py',
    '../_base_/methods/mic_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
