# Source only, with random scale and colours of the source: synthetic imagery.
_base_ = './source_only_deeplabv3plus-effl0_synthetic.py'
train_dataloader = _base_.augmented
