# Low2High: Chesapeake tiles of 512 px at 1 m with 30 m labels, and fine label maps of the held-out split. Written by
# tools/dataset_converters/low2high.py. Fine labels of the imagery are read in validation alone. The paper gives no
# batch size.
data_root = 'data/low2high'
# Milwaukee (wi_) is a test set of its own.
regions = ('de_', 'md_', 'ny_', 'pa_', 'va_', 'wv_')
ours = dict(type='Low2High', data_root=data_root, tile=512, name_prefix=regions)
load_coarse = [
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='LoadCoarseLabels'),
    dict(type='RandomFlipAll'),
    dict(type='RandomQuarterTurn'),
    dict(type='PackUDAInputs'),
]
# For the upper bound alone.
load_fine = [
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='RandomQuarterTurn'),
    dict(type='PackUDAInputs'),
]
exemplar = dict(
    type='Low2HighExemplars',
    data_root=data_root,
    name_prefix=regions,
    tile=512,
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
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(type='UDADataset', source=dict(split='train', pipeline=load_coarse, **ours)),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', fine=True, domain='source', pipeline=test_pipeline, **ours),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', fine=True, domain='source', pipeline=test_pipeline, **ours),
)
# The second reads coarse labels alone: the configs choose the checkpoint by it.
val_evaluator = [
    dict(type='ClassIoUMetric', iou_metrics=['mIoU', 'mFscore']),
    dict(type='CellIoUMetric', iou_metrics=['mIoU']),
]
test_evaluator = val_evaluator
