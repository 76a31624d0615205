# Massachusetts Buildings (1.0 m) -> Inria (0.3 m); sizes of the paper: 114 and 380 px, test 625 px resized to 188.
source_gsd, target_gsd = 1.0, 0.3  # metres a pixel
extent = 114.0  # metres: 114 px of the source, 380 px of the target

source_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd),
    dict(type='PackUDAInputs'),
]
target_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd),
    dict(type='PackUDAInputs'),
]
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=source_gsd),
    dict(type='PackUDAInputs'),
]

train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='MassachusettsBuildings', split='train', pipeline=source_pipeline),
        target=dict(type='InriaBuildings', split='train', labelled=False, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='InriaBuildings', split='val', tile=625, pipeline=test_pipeline),
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
