# The five cities of semantic pairing at 20 cm (near infrared, red, green): 800 fixed patches of 224 px of each training
# image; validation by a sliding window without padding. A config chooses two of `cities`.
cities = dict(
    vaihingen=dict(type='Vaihingen', split='train'),
    potsdam=dict(type='Potsdam', split='train'),
    hannover=dict(type='GermanCity', city='hannover', split='train'),
    buxtehude=dict(type='GermanCity', city='buxtehude', split='train'),
    nienburg=dict(type='GermanCity', city='nienburg', split='train'),
)
gsd = 0.2  # metres a pixel
patches = dict(
    type='PatchSet', patches_per_raster=800, size=224, gsd=gsd, seed=0, pipeline=[dict(type='PackUDAInputs')]
)
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=gsd),
    dict(type='PackUDAInputs'),
]
# Windows in pixels of the raster's own grid that are 224 px at 20 cm.
windows = dict(vaihingen=498, potsdam=896, hannover=224, buxtehude=224, nienburg=224)

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        pairing='random',  # or a file of tools/pair_domains.py
        source=dict(dataset=cities['hannover'], **patches),
        target=dict(dataset=dict(labelled=False, **cities['vaihingen']), **patches),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(cities['vaihingen'], split='val', tile=498, last_tile='shift', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='ClassIoUMetric', iou_metrics=['mIoU']), dict(type='LabelFreeMetric')]
test_evaluator = val_evaluator
tta_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='ResampleToGSD', gsd=gsd)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
