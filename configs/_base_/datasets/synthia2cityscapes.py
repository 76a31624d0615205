# SYNTHIA -> Cityscapes, 16 classes, plus the mean over 13 of them. Sizes as in gta2cityscapes.py, except for the
# source's 1280 x 760.
_base_ = './gta2cityscapes.py'
classes = ('road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light', 'traffic sign', 'vegetation')
classes += ('sky', 'person', 'rider', 'car', 'bus', 'motorcycle', 'bicycle')
metainfo = dict(classes=classes)
source_pipeline = [_base_.load, dict(_base_.resize, scale=(1280, 760)), _base_.pack]
train_dataloader = dict(
    dataset=dict(source=dict(type='Synthia', pipeline=source_pipeline), target=dict(metainfo=metainfo))
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
thirteen = [name for name in classes if name not in ('wall', 'fence', 'pole')]
val_evaluator = [
    dict(type='ClassIoUMetric', iou_metrics=['mIoU'], subsets=dict(mIoU13=thirteen)),
    dict(type='LabelFreeMetric'),
]
scaled = [_base_.load, dict(type='RandomImageScale', scale=(1280, 760)), _base_.mirror]
random_scale = dict(dataset=dict(source=dict(pipeline=[*scaled, _base_.pack])))
crops = dict(dataset=dict(source=dict(pipeline=[*source_pipeline[:-1], *_base_.cut])))
augmented = dict(dataset=dict(source=dict(pipeline=[*scaled, _base_.distort, _base_.pack])))
large_source = dict(pipeline=[_base_.load, dict(_base_.resize, scale=(2560, 1520)), *_base_.cut_large])
large_crops = [
    dict(
        batch_size=2,
        dataset=dict(source=large_source, target=dict(pipeline=[_base_.load, *_base_.cut_large])),
    ),
    dict(dataset=dict(pipeline=[_base_.load, _base_.pack])),
]
