# Masked image consistency + category and instance alignment (ISIA and AIM): synthetic imagery.
_base_ = ['../isia_aim/isia_aim_deeplabv3plus-effl0_synthetic.py', '../_base_/methods/masked.py']
_base_.masked.ema.update(momentum=0.01)  # of 2000 iterations
model = dict(_base_.masked, batch_norm='shared')
train_cfg = dict(val_interval=500, iters=dict(train=2000))
