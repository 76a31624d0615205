# Nairobi at 15 cm with labels -> Kampala at 7.5 cm without (UAV orthophotos, buildings). Both are seen at 15 cm, and
# predictions return to Kampala's own 7.5 cm. Ground sample distances are nominal: the rasters' own (0.149, 0.075 m)
# would resample crops by half a percent for nothing. Other variants are pairs of a training and a validation loader:
# train_dataloader, val_dataloader = _base_.super_resolution
gsd, source_gsd, target_gsd = 0.15, 0.15, 0.075  # metres per pixel
imagery = dict(type='DroneBuildings', data_root='data/drone_buildings')
kampala = dict(imagery, resolution='7cm', gsd=target_gsd)
source = dict(imagery, resolution='15cm', name_prefix='nairobi', gsd=source_gsd)
target = dict(kampala, name_prefix='kampala_train', labelled=False)
val = dict(kampala, name_prefix='kampala_val')
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
resample = dict(type='ResampleToGSD', gsd=gsd, label=True)

crop = dict(type='RandomGroundCrop', extent=28.8)  # metres: 192 px at 15 cm
source_pipeline = [crop, load, flip, pack]
target_pipeline = [crop, load, resample, flip, pack]
test_pipeline = [load, dict(type='ResampleToGSD', gsd=gsd), pack]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        type='UDADataset',
        source=dict(source, pipeline=source_pipeline),
        target=dict(target, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(val, tile=1024, pipeline=test_pipeline))
# Source crops of 14.4 to 57.6 m of ground in random colours: train_dataloader = _base_.augmented
zoomed, distort = dict(crop, zoom=(0.5, 2.0)), dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[zoomed, load, resample, flip, distort, pack])))
# The upper bound, trained on the target's labels.
on_target = dict(dataset=dict(source=dict(target, pipeline=target_pipeline, labelled=True)))

# SRDA-Net's: both at 15 cm, plus both at 7.5 cm; the target is not flipped, as in the authors' code.
extent = 9.6  # metres: 64 px of the source, 128 px of the target
small = dict(type='RandomGroundCrop', extent=extent)
both = dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd, extent=extent)
on_source_grid = test_pipeline
super_resolution = [
    dict(
        dataset=dict(
            source=dict(pipeline=[small, load, flip, both, pack]), target=dict(pipeline=[small, load, both, pack])
        )
    ),
    dict(dataset=dict(tile=512)),
]
# Each domain on its own grid; training on the source alone.
own_grids = [
    dict(dataset=dict(source=dict(pipeline=[small, load, flip, pack]), target=None)),
    dict(dataset=dict(tile=512, pipeline=[load, pack])),
]
# Fixed patches for pairing: 400 per raster, of 192 px at 15 cm.
patch_set = dict(_delete_=True, type='PatchSet', patches_per_raster=400, size=192, gsd=gsd, seed=0, pipeline=[pack])
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
# Both at 15 cm without labels, so that source rasters are translated unchanged; there is no validation.
images = [dict(type='RandomGroundCrop', extent=14.4), dict(type='LoadRasterWindow', with_label=False)]
translation = [
    dict(
        batch_size=4,
        dataset=dict(
            source=dict(pipeline=[*images, flip, pack]), target=dict(pipeline=[*images, resample, flip, pack])
        ),
    ),
    None,
    dict(pool=dict(image_shape=(3, 96, 96))),
]
# Source crops in the colours of random target crops.
transfer = dict(reference=dict(target, pipeline=target_pipeline[:-1]))
recoloured = dict(
    fda=[*source_pipeline[:-1], dict(transfer, type='FourierTransfer', beta=0.01), pack],
    histogram=[*source_pipeline[:-1], dict(transfer, type='HistogramMatching'), pack],
    reinhard=[*source_pipeline[:-1], dict(transfer, type='ReinhardTransfer'), pack],
)
histogram = dict(dataset=dict(source=dict(pipeline=recoloured['histogram'])))
