# Built-in synthetic imagery, written to data_root on first use: source at 1.0 m with labels, target at 0.3 m without.
# Both are seen at 0.5 m; predictions return to the target's own 0.3 m.
data_root = 'data/synthetic'
gsd = 0.5  # metres a pixel
extent = 64.0  # metres: 128 px at 0.5 m
synthetic = dict(type='SyntheticDataset', data_root=data_root, num_classes=6)

train_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=gsd, label=True),
    dict(type='RandomFlipAll'),
    dict(type='PackUDAInputs'),
]
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=gsd),
    dict(type='PackUDAInputs'),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(domain='source', split='train', pipeline=train_pipeline, **synthetic),
        target=dict(domain='target', split='train', labelled=False, pipeline=train_pipeline, **synthetic),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(domain='target', split='val', tile=512, pipeline=test_pipeline, **synthetic),
)
test_dataloader = val_dataloader
# The second needs no label: with save_best it can choose a checkpoint.
val_evaluator = [
    dict(type='ClassIoUMetric', iou_metrics=['mIoU']),
    dict(type='LabelFreeMetric'),
]
test_evaluator = val_evaluator
tta_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='ResampleToGSD', gsd=gsd)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
