# Synthetic imagery at 1.0 m with labels of 16 m cells (majority, misplaced by (3, -2) m, objects below 80 m2 lost), and
# fine label maps of another region. Fine labels of the imagery are read in validation alone.
data_root = 'data/synthetic_coarse'
extent = 128.0  # metres
coarse = dict(type='SyntheticCoarse', data_root=data_root, ratio=16)
load_coarse = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='LoadCoarseLabels'),
    dict(type='RandomFlipAll'),
    dict(type='RandomQuarterTurn'),
    dict(type='PackUDAInputs'),
]
# For the upper bound alone.
load_fine = [
    dict(type='RandomGroundCrop', extent=extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='RandomQuarterTurn'),
    dict(type='PackUDAInputs'),
]
exemplar = dict(
    type='SyntheticExemplars',
    data_root=data_root,
    tile=128,
    pipeline=[
        dict(type='LoadLabelWindow'),
        dict(type='RandomFlipAll'),
        dict(type='RandomQuarterTurn'),
        dict(type='PackUDAInputs'),
    ],
)
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='LoadCoarseLabels', as_label=False),
    dict(type='PackUDAInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(type='UDADataset', source=dict(split='train', pipeline=load_coarse, **coarse)),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', fine=True, domain='source', tile=512, pipeline=test_pipeline, **coarse),
)
test_dataloader = val_dataloader
# The second reads coarse labels alone: with save_best it can choose a checkpoint.
val_evaluator = [
    dict(type='ClassIoUMetric', iou_metrics=['mIoU', 'mFscore']),
    dict(type='CellIoUMetric', iou_metrics=['mIoU']),
]
test_evaluator = val_evaluator
