# Crops of Nairobi and Kampala for translation, both at Nairobi's 15 cm.
drone = dict(type='DroneBuildings', data_root='data/drone_buildings')
crop = [dict(type='RandomGroundCrop', extent=14.4), dict(type='LoadRasterWindow', with_label=False)]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(
            resolution='15cm',
            name_prefix='nairobi',
            gsd=0.15,
            pipeline=[*crop, dict(type='RandomFlipAll'), dict(type='PackUDAInputs')],
            **drone,
        ),
        target=dict(
            resolution='7cm',
            name_prefix='kampala_train',
            gsd=0.075,
            labelled=False,
            pipeline=[
                *crop,
                dict(type='ResampleToGSD', gsd=0.15, label=True),
                dict(type='RandomFlipAll'),
                dict(type='PackUDAInputs'),
            ],
            **drone,
        ),
    ),
)
