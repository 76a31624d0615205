# Masked image consistency on top of AdaptSegNet, single-level: output-space alignment, and pseudo labels on hidden
# images without mixing.
_base_ = ['./mic.py', './output_space.py']
method = dict(views=dict(mixed=None, strong=None), terms=dict(mixed=None, output=_base_.output))
