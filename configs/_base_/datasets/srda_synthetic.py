# Built-in synthetic imagery, written to data_root on first use. Source 1.0 m with labels, target 0.3 m without.
data_root = 'data/synthetic'
source_gsd, target_gsd = 1.0, 0.3  # metres a pixel
extent = 48.0  # metres: 48 px of the source, 160 px of the target
synthetic = dict(type='SyntheticDataset', data_root=data_root, num_classes=6)

source_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd, extent=extent),
    dict(type='PackUDAInputs'),
]
target_pipeline = [  # no flips on the target, as the authors' code
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='ResolutionPair', coarse_gsd=source_gsd, fine_gsd=target_gsd, extent=extent),
    dict(type='PackUDAInputs'),
]
test_pipeline = [  # the target on the source's grid; predictions return to the target's own
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=source_gsd),
    dict(type='PackUDAInputs'),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(domain='source', split='train', pipeline=source_pipeline, **synthetic),
        target=dict(domain='target', split='train', labelled=False, pipeline=target_pipeline, **synthetic),
    ),
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
            [dict(type='ResampleToGSD', gsd=source_gsd)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
