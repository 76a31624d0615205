# CLAN (https://arxiv.org/abs/1809.09478): two classifiers kept apart; the adversarial loss of a target pixel grows with
# their disagreement. The segmentor's head needs `classifiers.0` and `.1`.
_base_ = './output_space.py'
output = dict(
    _base_.output,
    type='DiscrepancyAlignment',
    local_weight=40.0,  # 10 for SYNTHIA
    epsilon=0.4,
    warmup=5000,  # iterations with plain losses: 5 % of 100k
)
different = dict(
    type='ParameterSimilarity',
    first='source:parameters.decode_head.classifiers.0',
    second='source:parameters.decode_head.classifiers.1',
    loss_weight=0.01,
)
method = dict(terms=dict(output=output, different=different))
