# MIC on HRDA, without rare classes: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/hrda_deeplabv3plus-effl0.py',
    '../_base_/methods/mic.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short_2k.py',
    '../_base_/default_runtime.py',
]
_base_.method.ema.update(momentum=0.01, evaluate=True)  # of 2000 iterations; the average predicts
# Predict in windows as large as the training crops.
_base_.method.segmentor = dict(test_cfg=dict(crop_size=(192, 192), stride=(96, 96)))
model = _base_.method
