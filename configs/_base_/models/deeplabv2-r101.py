# DeepLab-v2 on ResNet-101, stride 8, as in AdaptSegNet, ADVENT and CLAN; single-level.
model = dict(
    type='DomainAdaptation',
    # BGR minus the mean of ImageNet, not scaled.
    data_preprocessor=dict(
        type='UDADataPreprocessor', mean=[104.00699, 116.66877, 122.67892], std=[1.0, 1.0, 1.0], rgb_to_bgr=True
    ),
    # As in the released code, forwards of both domains update the running statistics. Affine parameters are fixed.
    batch_norm='shared',
    segmentor=dict(
        type='DirectEncoderDecoder',  # logits are resized once, to the label, as in the released tests
        backbone=dict(
            type='CaffeResNet',
            depth=101,
            # tools/model_converters/deeplab_v2.py --backbone-only DeepLab_resnet_pretrained_init-f81d91e8.pth
            init_cfg=dict(type='Pretrained', checkpoint='deeplab_resnet101_caffe.pth'),
        ),
        decode_head=dict(
            type='DeepLabV2Head',
            in_channels=2048,
            in_index=3,
            dilations=(6, 12, 18, 24),
            branches=None,  # 2 for AdaptSegNet's released models
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    ),
)
