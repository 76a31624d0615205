# DACS: a teacher labels the target, classes of the source are pasted onto it: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/dacs.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
