# NoAdapt with the target downsampled to the source's ground sample distance before the network: a second baseline that
# separates what resampling alone gives from what adaptation gives.
_base_ = './noadapt_resaspp_synthetic.py'
test_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=1.0),
    dict(type='PackUDAInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
tta_pipeline = [
    dict(type='LoadRasterWindow'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='ResampleToGSD', gsd=1.0)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackUDAInputs')],
        ],
    ),
]
