# ISIA and AIM, initial training (12), then retraining on pseudo labels (13): Nairobi -> Kampala.
_base_ = './isia_aim_deeplabv3plus-effl0_nairobi2kampala.py'
model = _base_.retraining
train_cfg = dict(stages=_base_.stages)
