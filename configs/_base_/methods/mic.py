# Masked image consistency (https://arxiv.org/abs/2212.01322) on top of DAFormer.
_base_ = ['./daformer.py', './masked.py']
method = _base_.masked
