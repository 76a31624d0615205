# DACS: a teacher labels the target, classes of the source are pasted onto it: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/dacs.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
