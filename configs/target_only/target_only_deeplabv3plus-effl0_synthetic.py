# The upper bound: trained on the target's labels: synthetic imagery.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_synthetic.py'
train_dataloader = _base_.on_target
