# Source only, with random scale and colours of the source: synthetic imagery.
_base_ = './source_only_deeplabv3plus-mv2_synthetic.py'
train_dataloader = _base_.augmented
