# Built-in synthetic imagery, drawn on first use: source at 1.0 m with labels, target at 0.3 m without. Both are seen at
# 0.5 m, and predictions return to the target's own 0.3 m. Other variants are pairs of training and validation loaders:
# train_dataloader, val_dataloader = _base_.super_resolution
gsd, source_gsd, target_gsd = 0.5, 1.0, 0.3  # metres per pixel
imagery = dict(type='SyntheticDataset', data_root='data/synthetic', num_classes=6)
source = dict(imagery, domain='source', split='train')
target = dict(imagery, domain='target', split='train', labelled=False)
val = dict(imagery, domain='target', split='val')
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
resample = dict(type='ResampleToGSD', gsd=gsd, label=True)

crop = dict(type='RandomGroundCrop', extent=64.0)  # metres: 128 px at 0.5 m
source_pipeline = target_pipeline = [crop, load, resample, flip, pack]
test_pipeline = [load, dict(type='ResampleToGSD', gsd=gsd), pack]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(
        type='UDADataset',
        source=dict(source, pipeline=source_pipeline),
        target=dict(target, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(val, tile=512, pipeline=test_pipeline))
# Source crops of 32 to 128 m of ground in random colours: train_dataloader = _base_.augmented
zoomed, distort = dict(crop, zoom=(0.5, 2.0)), dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[zoomed, load, resample, flip, distort, pack])))
# The upper bound, trained on the target's labels.
on_target = dict(dataset=dict(source=dict(target, pipeline=target_pipeline, labelled=True)))

# SRDA-Net's: the source at 1.0 m and the target on its grid, plus both at 0.3 m. The target is not flipped, as in the
# authors' code.
extent = 48.0  # metres: 48 px of the source, 160 px of the target
small = dict(type='RandomGroundCrop', extent=extent)
both = dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd, extent=extent)
on_source_grid = [load, dict(type='ResampleToGSD', gsd=source_gsd), pack]
super_resolution = [
    dict(
        batch_size=2,
        dataset=dict(
            source=dict(pipeline=[small, load, flip, both, pack]), target=dict(pipeline=[small, load, both, pack])
        ),
    ),
    dict(dataset=dict(tile=256, pipeline=on_source_grid)),
]
# Each domain on its own grid; training on the source alone.
own_grids = [
    dict(batch_size=2, dataset=dict(source=dict(pipeline=[small, load, flip, pack]), target=None)),
    dict(dataset=dict(tile=256, pipeline=[load, pack])),
]
# Fixed patches for pairing: 100 per scene, of 128 px at 0.5 m.
patch_set = dict(_delete_=True, type='PatchSet', patches_per_raster=100, size=128, gsd=gsd, seed=0, pipeline=[pack])
patches = [
    dict(
        dataset=dict(
            pairing='random_once',  # or a file written by tools/pair_domains.py
            source=dict(patch_set, dataset=source),
            target=dict(patch_set, dataset=target),
        )
    ),
    dict(),
]
# Both at 1.0 m without labels, so that source rasters are translated unchanged; there is no validation.
images = [crop, dict(type='LoadRasterWindow', with_label=False)]
to_source = dict(type='ResampleToGSD', gsd=source_gsd, label=True)
translation = [
    dict(
        dataset=dict(
            source=dict(pipeline=[*images, flip, pack]), target=dict(pipeline=[*images, to_source, flip, pack])
        )
    ),
    None,
    dict(pool=dict(image_shape=(3, 64, 64))),
]
# Source crops in the colours of random target crops.
transfer = dict(reference=dict(target, pipeline=target_pipeline[:-1]))
recoloured = dict(
    fda=[*source_pipeline[:-1], dict(transfer, type='FourierTransfer', beta=0.01), pack],
    histogram=[*source_pipeline[:-1], dict(transfer, type='HistogramMatching'), pack],
    reinhard=[*source_pipeline[:-1], dict(transfer, type='ReinhardTransfer'), pack],
)
histogram = dict(dataset=dict(source=dict(pipeline=recoloured['histogram'])))
