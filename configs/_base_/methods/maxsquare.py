# MaxSquare alone; no discriminator.
_base_ = './max_square.py'
method = dict(terms=dict(max_square=_base_.max_square))
