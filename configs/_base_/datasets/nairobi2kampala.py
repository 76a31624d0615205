# Nairobi at 15 cm with labels -> Kampala without (UAV orthophotos, buildings). Both are seen at 15 cm; predictions
# return to Kampala's own 7.5 cm.
source_gsd, target_gsd = 0.15, 0.075  # metres a pixel, nominal
gsd = 0.15
extent = 28.8  # metres: 192 px at 15 cm
data_root = 'data/drone_buildings'

source_pipeline = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='PackUDAInputs'),
]
target_pipeline = [
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
    dataset=dict(name_prefix='kampala_val', tile=1024, pipeline=test_pipeline, **kampala),
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
