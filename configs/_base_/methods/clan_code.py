# CLAN as its released code has it, where that differs from the paper (clan.py): a focal loss on each classifier instead
# of the cross entropy of their sum, the weight discrepancy at 0.02, the discriminator's output always on the image's
# grid and its loss not halved. Sizes are nominal: images come scaled by 0.8, 1 or 1.1, logits do not.
focal = dict(type='TapCrossEntropy', gamma=2.0)
terms = dict(
    supervised=None,
    first=dict(tap='source:module.decode_head.classifiers.0', **focal),
    second=dict(tap='source:module.decode_head.classifiers.1', **focal),
    output=dict(
        type='DiscrepancyAlignment',
        source='source:logits',
        target='target:logits',
        resize_to=dict(source=(720, 1280), target=(512, 1024)),
        activation='softmax',
        classifiers=('target:module.decode_head.classifiers.0', 'target:module.decode_head.classifiers.1'),
        local_weight=40.0,  # 10 for SYNTHIA
        epsilon=0.4,
        warmup=5001,  # the code weighs from the iteration after the 5000th
        always_upsample=True,
        discriminator=dict(type='FCDiscriminator', in_channels=19),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        loss_weight=0.001,
        discriminator_weight=1.0,
    ),
    different=dict(
        type='ParameterSimilarity',
        first='source:parameters.decode_head.classifiers.0',
        second='source:parameters.decode_head.classifiers.1',
        loss_weight=0.02,  # the paper's 0.01, which the code multiplies by 2
    ),
)
