# Vaihingen at 9 cm for training on the source alone; Potsdam is seen at its own 5 cm.
train_pipeline = [
    dict(type='RandomGroundCrop', size=160),
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
        source=dict(type='Vaihingen', split='all', pipeline=train_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='Potsdam', split='val', tile=500, pipeline=test_pipeline),
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
