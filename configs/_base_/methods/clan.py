# CLAN (https://arxiv.org/abs/1809.09478): two classifiers kept apart; the adversarial loss of a target pixel grows with
# their disagreement. The segmentor's head needs `classifiers.0` and `.1`.
warmup = 5000  # iterations with plain losses: 5 % of 100k
terms = dict(
    output=dict(
        type='DiscrepancyAlignment',
        source='source:logits',
        target='target:logits',
        resize_to='image',
        activation='softmax',
        classifiers=('target:module.decode_head.classifiers.0', 'target:module.decode_head.classifiers.1'),
        local_weight=40.0,  # 10 for SYNTHIA
        epsilon=0.4,
        warmup=warmup,
        discriminator=dict(type='FCDiscriminator', in_channels=19),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        loss_weight=0.001,
    ),
    different=dict(
        type='ParameterSimilarity',
        first='source:parameters.decode_head.classifiers.0',
        second='source:parameters.decode_head.classifiers.1',
        loss_weight=0.01,
    ),
)
