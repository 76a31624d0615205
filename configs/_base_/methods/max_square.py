# The term of MaxSquare (https://arxiv.org/abs/1909.13589): -mean(p^2) / 2 on the target, of the softmax of logits
# resized to the image.
max_square = dict(
    type='TapLoss',
    tap='target:logits',
    resize_to='image',
    activation='softmax',
    loss=dict(type='MaxSquareLoss'),
    loss_weight=0.1,
)
