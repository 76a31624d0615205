# Crops of the synthetic imagery for translation: both domains at 1.0 m, so that source rasters are translated as they
# are.
synthetic = dict(type='SyntheticDataset', data_root='data/synthetic', num_classes=6, split='train')
crop = [dict(type='RandomGroundCrop', extent=64.0), dict(type='LoadRasterWindow', with_label=False)]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(
            domain='source',
            pipeline=[*crop, dict(type='RandomFlipAll'), dict(type='PackUDAInputs')],
            **synthetic,
        ),
        target=dict(
            domain='target',
            labelled=False,
            pipeline=[
                *crop,
                dict(type='ResampleToGSD', gsd=1.0, label=True),
                dict(type='RandomFlipAll'),
                dict(type='PackUDAInputs'),
            ],
            **synthetic,
        ),
    ),
)
