# MinEnt (https://arxiv.org/abs/1811.12833): mean normalised entropy of target predictions; no discriminator.
terms = dict(
    entropy=dict(type='TapLoss', tap='target:prob', loss=dict(type='EntropyLoss'), loss_weight=0.001),
    entropy_aux=dict(type='TapLoss', tap='target:aux.0.prob', loss=dict(type='EntropyLoss'), loss_weight=0.0002),
)
