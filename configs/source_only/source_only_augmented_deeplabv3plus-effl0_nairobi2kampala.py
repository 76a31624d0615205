# Source only, with random scale and colours of the source: Nairobi -> Kampala.
_base_ = './source_only_deeplabv3plus-effl0_nairobi2kampala.py'
train_dataloader = _base_.augmented
