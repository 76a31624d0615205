# Source images with the histogram of random target crops, no other adaptation: synthetic imagery.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_synthetic.py'
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.recoloured.histogram)))
