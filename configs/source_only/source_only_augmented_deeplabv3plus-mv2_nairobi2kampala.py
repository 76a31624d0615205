# Source only, with random scale and colours of the source: Nairobi -> Kampala.
_base_ = './source_only_deeplabv3plus-mv2_nairobi2kampala.py'
train_dataloader = _base_.augmented
