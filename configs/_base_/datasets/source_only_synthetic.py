# Built-in synthetic imagery for training on the source alone; the target is seen at its own 0.3 m.
data_root = 'data/synthetic'
extent = 48.0  # metres: 48 px of the source

train_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='PackUDAInputs'),
]
test_pipeline = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]

synthetic = dict(type='SyntheticDataset', data_root=data_root, num_classes=6)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(type='UDADataset', source=dict(domain='source', split='train', pipeline=train_pipeline, **synthetic)),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(domain='target', split='val', tile=256, pipeline=test_pipeline, **synthetic),
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
