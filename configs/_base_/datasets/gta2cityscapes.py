# GTA5 -> Cityscapes, 19 classes. Sizes of AdaptSegNet: source 1280 x 720, target 1024 x 512; tested on the labels' own
# 2048 x 1024. Translation is another variant: train_dataloader, val_dataloader, model = _base_.translation
load, pack = dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')
resize = dict(type='Resize', keep_ratio=False, interpolation='bicubic', backend='pillow')
source_pipeline = [load, dict(resize, scale=(1280, 720)), pack]
target_pipeline = [load, dict(resize, scale=(1024, 512)), pack]
test_pipeline = [load, dict(type='ResampleToGSD', ratio=2), pack]
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    dataset=dict(
        type='UDADataset',
        source=dict(type='GTA5', check_labels='sample', pipeline=source_pipeline),
        target=dict(type='Cityscapes', split='train', labelled=False, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(type='Cityscapes', split='val', pipeline=test_pipeline))

# CLAN's code scales images at random and mirrors them; labels keep their size.
mirror = dict(type='RandomFlipAll', vertical=0.0)
scaled = [load, dict(type='RandomImageScale', scale=(1280, 720)), mirror]
random_scale = dict(
    dataset=dict(
        source=dict(pipeline=[*scaled, pack]),
        target=dict(pipeline=[load, dict(type='RandomImageScale', scale=(1024, 512)), mirror, pack]),
    )
)
# Source images at these scales, mirrored, in random colours: train_dataloader = _base_.augmented
distort = dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[*scaled, distort, pack])))
# Crops of 512 px, two of each domain, for methods that mix images: train_dataloader = _base_.crops
cut = [dict(type='RandomGroundCrop', size=512), mirror, pack]
crops = dict(
    batch_size=2,
    dataset=dict(
        source=dict(pipeline=[*source_pipeline[:-1], *cut]), target=dict(pipeline=[*target_pipeline[:-1], *cut])
    ),
)
# Crops of 1024 px of images twice as large, for methods of two scales; tested on whole images of 2048 x 1024:
# train_dataloader, val_dataloader = _base_.large_crops
cut_large = [dict(type='RandomGroundCrop', size=1024), mirror, pack]
large_crops = [
    dict(
        batch_size=2,
        dataset=dict(
            source=dict(pipeline=[load, dict(resize, scale=(2560, 1440)), *cut_large]),
            target=dict(pipeline=[load, *cut_large]),
        ),
    ),
    dict(dataset=dict(pipeline=[load, pack])),
]
# CycleGAN's crops of 256 px without labels; there is no validation.
images = [
    dict(type='RandomGroundCrop', size=256),
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='RandomFlipAll', vertical=0.0),
    pack,
]
translation = [dict(dataset=dict(source=dict(pipeline=images), target=dict(pipeline=images))), None, dict()]
