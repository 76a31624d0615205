# CycleGAN for two cores.
_base_ = './cyclegan.py'
model = dict(generator=dict(base_channels=16, blocks=4), discriminator=dict(base_channels=16))
