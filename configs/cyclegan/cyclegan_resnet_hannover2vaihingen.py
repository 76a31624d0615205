# CycleGAN of semantic pairing: Hannover -> Vaihingen, batches of 10 patches in [0, 1], ReLU in place of tanh, identity
# loss of weight 1 at every tenth batch. --cfg-options train_dataloader.dataset.pairing=PAIRS.json pairs them.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/cities.py',
    '../_base_/schedules/cyclegan_50k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=[0.0] * 3, std=[255.0] * 3),
    generator=dict(activation='relu'),
    identity_weight=1.0,
    identity_every=10,
    discriminator_weight=1.0,  # the paper: 10 for the cycle and 1 for all other weights
    pool=dict(image_shape=(3, 224, 224)),
)
# A fixed subset of both domains: 250 batches of 10.
subset = dict(patches_per_raster=250)
train_dataloader = dict(batch_size=10, dataset=dict(source=subset, target=subset))
val_dataloader = None  # nothing to validate: translations have no ground truth
