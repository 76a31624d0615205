# Masked-autoencoder pretraining of the ResNet-18, 300 epochs as in the supplement; Chesapeake, no labels.
_base_ = ['../_base_/datasets/low2high.py', '../_base_/default_runtime.py']
model = dict(
    type='MaskedAutoencoder',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
    embedding=dict(type='StemResNet', depth=18),
    # Before the embedding; encoders that had seen what is hidden harmed the segmentor (README).
    mask='pixels',
)
epoch = 1579
pipeline = [
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='RandomFlipAll'),
    dict(type='RandomQuarterTurn'),
    dict(type='PackUDAInputs'),
]
imagery = dict(
    type='RasterDataset',
    data_root='data/low2high',
    data_prefix=dict(img_path='images/train'),
    labelled=False,
    tile=512,
    name_prefix=('de_', 'md_', 'ny_', 'pa_', 'va_', 'wv_'),
    pipeline=pipeline,
)
train_dataloader = dict(dataset=dict(labelled_source=False, source=dict(_delete_=True, **imagery)))
val_dataloader = None
val_evaluator = None
test_dataloader = None
test_evaluator = None
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    autoencoder=dict(params=['*'], optimizer=dict(type='Adam', lr=1e-4)),
)
param_scheduler = dict(autoencoder=[])
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='pretrain', iters=300 * epoch)])
