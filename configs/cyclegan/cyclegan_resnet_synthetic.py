# CycleGAN, narrow, on two cores: synthetic imagery. As published (tanh, identity at every batch): with identity at
# every tenth batch, semantic pairing's variant, so short a training exchanges classes.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/cyclegan_synthetic.py',
    '../_base_/schedules/cyclegan_short.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    generator=dict(base_channels=16, blocks=4, activation='tanh'),
    identity_weight=5.0,
    identity_every=1,
    discriminator=dict(base_channels=16),
    pool=dict(size=50, image_shape=(3, 64, 64)),
)
