# Low2High: Chesapeake tiles of 512 px at 1 m with 30 m labels, and fine label maps of the held-out split. Written by
# tools/dataset_converters/low2high.py. Fine labels of the imagery are read only in validation. The paper gives no
# batch size. Milwaukee (wi_) is a test set of its own.
regions = ('de_', 'md_', 'ny_', 'pa_', 'va_', 'wv_')
data_root = 'data/low2high'
imagery = dict(type='Low2High', data_root=data_root, tile=512, name_prefix=regions)
flips = [dict(type='RandomFlipAll'), dict(type='RandomQuarterTurn'), dict(type='PackUDAInputs')]
load_coarse = [dict(type='LoadRasterWindow', with_label=False), dict(type='LoadCoarseLabels'), *flips]
load_fine = [dict(type='LoadRasterWindow'), *flips]  # only for the upper bound
load_image = [dict(type='LoadRasterWindow', with_label=False), *flips]  # for pretraining
exemplar = dict(
    type='Low2HighExemplars',
    data_root=data_root,
    name_prefix=regions,
    tile=512,
    pipeline=[dict(type='LoadLabelWindow'), *flips],
)
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='LoadCoarseLabels', as_label=False),
    dict(type='PackUDAInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    dataset=dict(type='UDADataset', source=dict(imagery, split='train', pipeline=load_coarse)),
)
fine = dict(imagery, fine=True, domain='source', pipeline=test_pipeline)
val_dataloader = dict(num_workers=4, dataset=dict(fine, split='val'))
test_dataloader = dict(num_workers=4, dataset=dict(fine, split='test'))
# The second reads only coarse labels; the configs choose the checkpoint by it.
val_evaluator = [
    dict(type='ClassIoUMetric', iou_metrics=['mIoU', 'mFscore']),
    dict(type='CellIoUMetric', iou_metrics=['mIoU']),
]
