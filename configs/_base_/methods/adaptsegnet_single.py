# AdaptSegNet, single-level (https://arxiv.org/abs/1802.10349).
_base_ = './output_space.py'
method = dict(terms=dict(output=_base_.output))
