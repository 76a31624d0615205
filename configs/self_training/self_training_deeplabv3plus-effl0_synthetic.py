# Plain self-training, one round: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/self_training_narrow.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_cfg = dict(stages=_base_.stages)
