# SRS + ODC: SRDA-Net without the pixel-level classifier; pretraining has no discriminator.
_base_ = './srda_resaspp_mass2inria.py'
model = dict(terms=dict(pixel=None))
optim_wrapper = dict(pretrain_discriminator=None)
