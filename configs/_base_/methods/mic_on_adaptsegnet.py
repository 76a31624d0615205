# Masked image consistency on top of AdaptSegNet, single-level: output-space alignment, and pseudo labels on hidden
# images without mixing.
_base_ = ['./masked.py', './output_space.py']
method = dict(_base_.masked, batch_norm='shared', terms=dict(_base_.masked.terms, output=_base_.output))
