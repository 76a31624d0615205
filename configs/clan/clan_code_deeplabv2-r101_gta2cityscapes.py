# CLAN as released: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101.py',
    '../_base_/methods/clan_code.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/clan_code_100k.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=dict(decode_head=dict(classifiers=2)), terms=_base_.terms)
mirror = dict(type='RandomFlipAll', vertical=0.0)
source_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='RandomImageScale', scale=(1280, 720)),
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
