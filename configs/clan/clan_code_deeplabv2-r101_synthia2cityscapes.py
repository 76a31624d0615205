# CLAN as released: SYNTHIA -> Cityscapes. 16 classes as everywhere here; the code's head has 19.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/clan_code.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/clan_code_100k.py',
    '../_base_/default_runtime.py',
]
num_classes = 16
terms = _base_.terms
terms.output.update(local_weight=10.0, resize_to=dict(source=(760, 1280), target=(512, 1024)))
terms.output.discriminator.in_channels = num_classes
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes, classifiers=2)), terms=terms)
mirror = dict(type='RandomFlipAll', vertical=0.0)
source_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='RandomImageScale', scale=(1280, 760)),
    mirror,
    dict(type='PackUDAInputs'),
]
target_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='RandomImageScale', scale=(1024, 512)),
    mirror,
    dict(type='PackUDAInputs'),
]
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline), target=dict(pipeline=target_pipeline)))
