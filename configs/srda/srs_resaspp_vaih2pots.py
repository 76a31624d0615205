# SRS: super-resolution and segmentation without discriminators.
_base_ = './srda_resaspp_vaih2pots.py'
model = dict(terms=dict(pixel=None, output=None))
optim_wrapper = dict(pretrain_discriminator=None, discriminator=None)
