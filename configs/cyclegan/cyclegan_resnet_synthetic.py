# CycleGAN, narrow, on two cores.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/cyclegan_synthetic.py',
    '../_base_/schedules/cyclegan_short.py',
    '../_base_/default_runtime.py',
]
model = dict(
    generator=dict(base_channels=16, blocks=4),
    discriminator=dict(base_channels=16),
    pool=dict(size=50, image_shape=(3, 64, 64)),
)
