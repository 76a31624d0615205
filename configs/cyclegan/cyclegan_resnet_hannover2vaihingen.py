# CycleGAN of semantic pairing: Hannover -> Vaihingen, batches of 10 patches.
# --cfg-options train_dataloader.dataset.pairing=PAIRS.json pairs them.
_base_ = [
    '../_base_/models/cyclegan.py',
    '../_base_/datasets/city_patches.py',
    '../_base_/schedules/cyclegan_50k.py',
    '../_base_/default_runtime.py',
]
# A fixed subset of both domains: 250 batches of 10.
train_dataloader = dict(
    batch_size=10,
    dataset=dict(source=dict(patches_per_raster=250), target=dict(patches_per_raster=250)),
)
# There is nothing to validate: images have no truth.
val_dataloader = test_dataloader = None
val_evaluator = test_evaluator = None
model = dict(discriminator_weight=1.0)  # the paper: 10 for the cycle and 1 for all other weights
