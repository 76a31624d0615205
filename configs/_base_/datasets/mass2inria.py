# Massachusetts Buildings (1.0 m) -> Inria (0.3 m): patches of 512 px on each raster's own grid, as ISIA/AIM cuts them.
# Other variants are pairs of a training and a validation loader:
# train_dataloader, val_dataloader = _base_.super_resolution
source_gsd, target_gsd = 1.0, 0.3  # metres per pixel
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
train_pipeline = [dict(type='RandomGroundCrop', size=512), load, flip, pack]
test_pipeline = [load, pack]
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    dataset=dict(
        type='UDADataset',
        source=dict(type='MassachusettsBuildings', split='train', pipeline=train_pipeline),
        target=dict(type='InriaBuildings', split='train', labelled=False, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(type='InriaBuildings', split='val', tile=512, pipeline=test_pipeline))
# Source crops of half to twice the ground's extent, in random colours: train_dataloader = _base_.augmented
zoomed, back = dict(train_pipeline[0], zoom=(0.5, 2.0)), dict(type='ResampleToGSD', ratio=1, label=True)
distort = dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[zoomed, load, back, flip, distort, pack])))

# SRDA-Net's sizes: 114 px of the source and 380 px of the target, tested on 625 px resized to 188.
small = dict(type='RandomGroundCrop', extent=114.0)  # metres
both = dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd)
super_resolution = [
    dict(
        batch_size=6,
        dataset=dict(
            source=dict(pipeline=[small, load, flip, both, pack]), target=dict(pipeline=[small, load, both, pack])
        ),
    ),
    dict(dataset=dict(tile=625, pipeline=[load, dict(type='ResampleToGSD', gsd=source_gsd), pack])),
]
# Each domain on its own grid; training on the source alone.
own_grids = [
    dict(batch_size=6, dataset=dict(source=dict(pipeline=[small, load, flip, pack]), target=None)),
    dict(dataset=dict(tile=625)),
]
# CycleGAN's crops of 256 px without labels; there is no validation.
images = [
    dict(type='RandomGroundCrop', size=256),
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='RandomFlipAll', vertical=0.5),
    pack,
]
translation = [dict(dataset=dict(source=dict(pipeline=images), target=dict(pipeline=images))), None, dict()]
