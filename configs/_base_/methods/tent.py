# TENT (https://arxiv.org/abs/2006.10726): no source. A trained segmentor (load_from) lowers the entropy of its
# predictions on the target by the scale and shift of its batch norm alone, which normalises by the target's batches.
entropy = dict(
    type='TapLoss',
    tap='target:prediction',
    activation='softmax',
    loss=dict(type='EntropyLoss', normalised=False),  # in nats, mean over the pixels
)
method = dict(
    batch_norm='target',
    ema=None,  # its last weights predict
    segmentor=dict(backbone=dict(init_cfg=None)),  # the checkpoint has all weights
    terms=dict(supervised=None, entropy=entropy),
)
