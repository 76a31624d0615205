# The upper bound: trained on the labels of the target's training scenes.
_base_ = '../source_only/source_only_deeplabv3plus-mv2_synthetic.py'
train_dataloader = dict(dataset=dict(source=dict(domain='target')))
