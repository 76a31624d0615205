# Nairobi at 15 cm with labels -> Kampala at 7.5 cm without (UAV orthophotos, buildings).
# Nominal ground sample distances: the rasters' own (0.149, 0.075 m) would resample crops by half a percent for nothing.
source_gsd, target_gsd = 0.15, 0.075  # metres a pixel
extent = 9.6  # metres: 64 px of the source, 128 px of the target
data_root = 'data/drone_buildings'

source_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd, extent=extent),
    dict(type='PackUDAInputs'),
]
target_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd, extent=extent),
    dict(type='PackUDAInputs'),
]
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=source_gsd),
    dict(type='PackUDAInputs'),
]

nairobi = dict(type='DroneBuildings', data_root=data_root, resolution='15cm', name_prefix='nairobi', gsd=source_gsd)
kampala = dict(type='DroneBuildings', data_root=data_root, resolution='7cm', gsd=target_gsd)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(pipeline=source_pipeline, **nairobi),
        target=dict(name_prefix='kampala_train', labelled=False, pipeline=target_pipeline, **kampala),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(name_prefix='kampala_val', tile=512, pipeline=test_pipeline, **kampala),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ClassIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
tta_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='ResampleToGSD', gsd=source_gsd)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
