# The upper bound: trained on the target's labels: Nairobi -> Kampala.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_nairobi2kampala.py'
train_dataloader = _base_.on_target
