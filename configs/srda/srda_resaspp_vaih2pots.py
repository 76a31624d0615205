# SRDA-Net, Vaihingen -> Potsdam, six ISPRS classes, alpha 5, beta 10 (the paper's settings).
_base_ = [
    '../_base_/models/srda_resaspp.py',
    '../_base_/methods/srda.py',
    '../_base_/datasets/vaih2pots.py',
    '../_base_/schedules/srda.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
