# DAFormer on a narrow network: DACS, and rare classes more often: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/daformer.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short_2k.py',
    '../_base_/default_runtime.py',
]
_base_.method.ema.update(momentum=0.01, evaluate=True)  # of 2000 iterations; the average predicts
model = _base_.method
train_dataloader = dict(dataset=dict(rare_classes=dict(temperature=0.05, min_pixels=300)))
