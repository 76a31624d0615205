# DAFormer: MiT-B5 with the context-aware head; the released code's settings. Batch norm only in the head.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    batch_norm='shared',  # as in the released code, all forwards update the running statistics
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='MixVisionTransformer',
            embed_dims=64,
            num_layers=[3, 6, 40, 3],
            num_heads=[1, 2, 5, 8],
            drop_path_rate=0.1,
            init_cfg=dict(
                type='Pretrained',
                checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b5_20220624-658746d9.pth',
            ),
        ),
        decode_head=dict(
            type='DAFormerHead',
            in_channels=[64, 128, 320, 512],
            channels=256,
            embed_channels=256,
            dilations=(1, 6, 12, 18),
            dropout_ratio=0.1,
            norm_cfg=norm_cfg,
            align_corners=False,
            # The mean over labelled pixels; the released code divides by all pixels.
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
