# HRDA without rare classes: DACS on context and detail: synthetic imagery.
_base_ = [
    '../_base_/models/hrda_deeplabv3plus-effl0.py',
    '../_base_/methods/daformer.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short_2k.py',
    '../_base_/default_runtime.py',
]
_base_.method.ema.update(momentum=0.01, evaluate=True)  # of 2000 iterations; the average predicts
model = _base_.method
