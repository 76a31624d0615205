# GTA5 -> Cityscapes, 19 classes.
# Sizes of AdaptSegNet: source 1280 x 720, target 1024 x 512; tested on the labels' own 2048 x 1024.
source_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='Resize', scale=(1280, 720), keep_ratio=False, interpolation='bicubic', backend='pillow'),
    dict(type='PackUDAInputs'),
]
target_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='Resize', scale=(1024, 512), keep_ratio=False, interpolation='bicubic', backend='pillow'),
    dict(type='PackUDAInputs'),
]
test_pipeline = [dict(type='LoadRasterWindow'), dict(type='ResampleToGSD', ratio=2), dict(type='PackUDAInputs')]

train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='GTA5', check_labels='sample', pipeline=source_pipeline),
        target=dict(type='Cityscapes', split='train', labelled=False, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='Cityscapes', split='val', pipeline=test_pipeline),
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
            [dict(type='ResampleToGSD', ratio=2)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
