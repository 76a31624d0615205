# ISIA and AIM, initial training (12), then retraining on pseudo labels (13): synthetic imagery.
_base_ = './isia_aim_deeplabv3plus-effl0_synthetic.py'
model = _base_.retraining
train_cfg = dict(stages=_base_.stages)
