# HRDA without rare classes: DACS on context and detail: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/hrda_deeplabv3plus-effl0.py',
    '../_base_/methods/daformer_narrow.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
# Predict in windows as large as the training crops.
_base_.method.segmentor = dict(test_cfg=dict(crop_size=(192, 192), stride=(96, 96)))
model = _base_.method
