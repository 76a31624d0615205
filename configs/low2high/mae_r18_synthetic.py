# Masked-autoencoder pretraining of the U-Net's encoder; synthetic imagery, no labels.
_base_ = ['../_base_/datasets/low2high_synthetic.py', '../_base_/default_runtime.py']
model = dict(
    type='MaskedAutoencoder',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, channels_last=True),
    embedding=dict(type='StemResNet', depth=18, base_channels=16, stem_channels=16),
    embedding_channels=128,
    channels=192,
    depth=4,
    heads=4,
    decoder_channels=192,
    decoder_depth=2,
    decoder_heads=4,
    # Before the embedding; encoders that had seen what is hidden harmed the segmentor (README).
    mask='pixels',
)
iters = 4000
train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DrawSampler'),
    dataset=dict(
        type='UDADataset',
        source=dict(
            split='train',
            pipeline=[
                dict(type='RandomGroundCrop', extent=128.0),
                dict(type='LoadRasterWindow', with_label=False),
                dict(type='RandomFlipAll'),
                dict(type='RandomQuarterTurn'),
                dict(type='PackUDAInputs'),
            ],
            **_base_.coarse,
        ),
    ),
)
val_dataloader = None
val_evaluator = None
test_dataloader = None
test_evaluator = None
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    autoencoder=dict(
        params=['*'], optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
    ),
)
param_scheduler = dict(autoencoder=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)])
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='pretrain', iters=iters)])
