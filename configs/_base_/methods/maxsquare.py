# MaxSquare (https://arxiv.org/abs/1909.13589): -mean(p^2) / 2 on the target; no discriminator.
terms = dict(max_square=dict(type='TapLoss', tap='target:prob', loss=dict(type='MaxSquareLoss'), loss_weight=0.1))
