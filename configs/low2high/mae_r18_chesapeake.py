# Masked-autoencoder pretraining of the ResNet-18, 300 epochs as in the supplement; Chesapeake, no labels.
_base_ = ['../_base_/datasets/low2high.py', '../_base_/default_runtime.py']
model = dict(
    type='MaskedAutoencoder',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
    embedding=dict(type='StemResNet', depth=18),
    # Before the embedding; encoders that had seen what is hidden harmed the segmentor (docs/results/low2high.md).
    mask='pixels',
)
imagery = dict(
    type='RasterDataset',
    data_root=_base_.data_root,
    data_prefix=dict(img_path='images/train'),
    labelled=False,
    tile=512,
    name_prefix=_base_.regions,
    pipeline=_base_.load_image,
)
train_dataloader = dict(dataset=dict(labelled_source=False, source=dict(imagery, _delete_=True)))
val_dataloader = test_dataloader = val_evaluator = test_evaluator = None
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    autoencoder=dict(params=['*'], optimizer=dict(type='Adam', lr=1e-4)),
)
param_scheduler = dict(autoencoder=[])
epoch = 1579
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='pretrain', iters=300 * epoch)])
