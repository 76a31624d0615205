# AdaptSegNet, multi-level (https://arxiv.org/abs/1802.10349): a discriminator for each of the two classifiers. With
# PyTorch from 0.4 the authors advise the weights 0.0005 and 0.00005.
_base_ = './output_space.py'
auxiliary = dict(_base_.output, source='source:aux.0.logits', target='target:aux.0.logits', loss_weight=0.0002)
method = dict(terms=dict(output=_base_.output, output_aux=auxiliary))
