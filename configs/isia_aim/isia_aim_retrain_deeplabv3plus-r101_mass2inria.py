# ISIA and AIM, initial training (12) for 40k iterations, then retraining on pseudo labels (13), 120k in all:
# Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = './isia_aim_deeplabv3plus-r101_mass2inria.py'
model = _base_.retraining
train_cfg = dict(stages=_base_.stages)
