# Vaihingen (9 cm) -> Potsdam (5 cm), near infrared, red, green, as in SRDA-Net: 160 px of the source are 320 px of
# the target, the nominal ratio 2, not 9/5. Other variants are pairs of a training and a validation loader:
# train_dataloader, val_dataloader = _base_.own_grids
nominal_ratio = 2
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
crop = dict(type='RandomGroundCrop', size=160)
both = dict(type='ResolutionPair', coarse_size=160, ratio=nominal_ratio)
train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    dataset=dict(
        type='UDADataset',
        source=dict(type='Vaihingen', split='all', pipeline=[crop, load, flip, both, pack]),
        target=dict(
            type='Potsdam',
            split='train',
            labelled=False,
            pipeline=[dict(type='RandomGroundCrop', size=320), load, both, pack],
        ),
    ),
)
test_pipeline = [load, dict(type='ResampleToGSD', ratio=nominal_ratio), pack]
val_dataloader = dict(dataset=dict(type='Potsdam', split='val', tile=500, pipeline=test_pipeline))

super_resolution = [dict(), dict()]  # the default, given above
# Each domain on its own grid; training on the source alone.
own_grids = [
    dict(dataset=dict(source=dict(pipeline=[crop, load, flip, pack]), target=None)),
    dict(dataset=dict(pipeline=[load, pack])),
]
