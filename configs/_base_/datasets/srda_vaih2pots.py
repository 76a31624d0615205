# Vaihingen (9 cm) -> Potsdam (5 cm), near-infrared, red, green; the paper takes the nominal ratio 2, not 9/5.
nominal_ratio = 2  # 160 px of the source are 320 px of the target

source_pipeline = [
    dict(type='RandomGroundCrop', size=160),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='ResolutionPair', coarse_size=160, ratio=nominal_ratio),
    dict(type='PackUDAInputs'),
]
target_pipeline = [
    dict(type='RandomGroundCrop', size=320),
    dict(type='LoadRasterWindow'),
    dict(type='ResolutionPair', coarse_size=160, ratio=nominal_ratio),
    dict(type='PackUDAInputs'),
]
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', ratio=nominal_ratio),
    dict(type='PackUDAInputs'),
]

train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='Vaihingen', split='all', pipeline=source_pipeline),
        target=dict(type='Potsdam', split='train', labelled=False, pipeline=target_pipeline),
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
            [dict(type='ResampleToGSD', ratio=nominal_ratio)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
