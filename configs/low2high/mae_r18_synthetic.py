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
    # Before the embedding; encoders that had seen what is hidden harmed the segmentor (docs/results/low2high.md).
    mask='pixels',
)
train_dataloader = dict(batch_size=8, dataset=dict(source=dict(pipeline=_base_.load_image)))
val_dataloader = val_evaluator = None
adamw = dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
optim_wrapper = dict(constructor='NamedOptimWrapperConstructor', autoencoder=dict(params=['*'], optimizer=adamw))
param_scheduler = dict(autoencoder=[dict(type='PolyLR', power=0.9, during='run')])
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='pretrain', iters=4000)])
