# DeepGlobe roads (0.5 m) -> Massachusetts Roads (1.0 m).
# Patches of 512 px of each raster's own grid, as ISIA/AIM cut them.
train_pipeline = [
    dict(type='RandomGroundCrop', size=512),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='PackUDAInputs'),
]
test_pipeline = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]

train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='DeepGlobeRoads', split='train', pipeline=train_pipeline),
        target=dict(type='MassachusettsRoads', split='train', labelled=False, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='MassachusettsRoads', split='test', tile=512, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
# The second needs no label: with save_best it can choose a checkpoint.
val_evaluator = [dict(type='ClassIoUMetric', iou_metrics=['mIoU']), dict(type='LabelFreeMetric')]
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
