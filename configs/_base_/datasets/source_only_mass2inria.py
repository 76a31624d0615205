# Massachusetts Buildings at 1.0 m for training on the source alone; Inria is seen at its own 0.3 m.
train_pipeline = [
    dict(type='RandomGroundCrop', extent=114.0),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='PackUDAInputs'),
]
test_pipeline = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]

train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='MassachusettsBuildings', split='train', pipeline=train_pipeline),
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
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
