# CycleGAN as published, for the image level (IMA) of ISIA/AIM and FCAN: Massachusetts Buildings -> Inria.
_base_ = ['../_base_/models/cyclegan.py', '../_base_/schedules/cyclegan_50k.py', '../_base_/default_runtime.py']
pipeline = [
    dict(type='RandomGroundCrop', size=256),
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='RandomFlipAll', vertical=0.5),
    dict(type='PackUDAInputs'),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(type='MassachusettsBuildings', split='train', pipeline=pipeline),
        target=dict(type='InriaBuildings', split='train', labelled=False, pipeline=pipeline),
    ),
)
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    generator=dict(activation='tanh'),
    identity_weight=5.0,
    identity_every=1,
    pool=dict(image_shape=(3, 256, 256)),
)
