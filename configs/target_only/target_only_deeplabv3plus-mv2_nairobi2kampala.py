# The upper bound: trained on the labels of kampala_train.
_base_ = '../source_only/source_only_deeplabv3plus-mv2_nairobi2kampala.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            resolution='7cm',
            name_prefix='kampala_train',
            gsd=0.075,
            pipeline=[
                dict(type='RandomGroundCrop', extent=28.8),
                dict(type='LoadRasterWindow'),
                dict(type='ResampleToGSD', gsd=0.15, label=True),
                dict(type='RandomFlipAll'),
                dict(type='PackUDAInputs'),
            ],
        )
    )
)
