# MinEnt (https://arxiv.org/abs/1811.12833): mean normalised entropy of target predictions, of the softmax of logits
# resized to the image; no discriminator.
level = dict(type='TapLoss', resize_to='image', activation='softmax', loss=dict(type='EntropyLoss'))
method = dict(
    terms=dict(
        entropy=dict(level, tap='target:logits', loss_weight=0.001),
        entropy_aux=dict(level, tap='target:aux.0.logits', loss_weight=0.0002),
    )
)
