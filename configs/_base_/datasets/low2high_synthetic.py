# Synthetic imagery at 1.0 m with labels of 16 m cells (majority, misplaced by (3, -2) m, objects below 80 m2 lost), and
# fine label maps of another region. Fine labels of the imagery are read only in validation.
data_root = 'data/synthetic_coarse'
imagery = dict(type='SyntheticCoarse', data_root=data_root, ratio=16)
crop = dict(type='RandomGroundCrop', extent=128.0)  # metres
flips = [dict(type='RandomFlipAll'), dict(type='RandomQuarterTurn'), dict(type='PackUDAInputs')]
load_coarse = [crop, dict(type='LoadRasterWindow', with_label=False), dict(type='LoadCoarseLabels'), *flips]
load_fine = [crop, dict(type='LoadRasterWindow'), *flips]  # only for the upper bound
load_image = [crop, dict(type='LoadRasterWindow', with_label=False), *flips]  # for pretraining
exemplar = dict(
    type='SyntheticExemplars', data_root=data_root, tile=128, pipeline=[dict(type='LoadLabelWindow'), *flips]
)
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='LoadCoarseLabels', as_label=False),
    dict(type='PackUDAInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(type='UDADataset', source=dict(imagery, split='train', pipeline=load_coarse)),
)
val_dataloader = dict(dataset=dict(imagery, split='val', fine=True, domain='source', tile=512, pipeline=test_pipeline))
# The second reads only coarse labels; with save_best it can choose a checkpoint.
val_evaluator = [
    dict(type='ClassIoUMetric', iou_metrics=['mIoU', 'mFscore']),
    dict(type='CellIoUMetric', iou_metrics=['mIoU']),
]
